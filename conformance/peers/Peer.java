// Sockets of JeroMQ 0.3, a peer of ZMTP 2.0, driven line by line; conformance/src/foreign/serve.rs
// is its twin on FerroMQ, and describes the commands. There are no events here.
//
// java -cp jeromq.jar Peer.java

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

public class Peer {
    private static final int CELL = 251;
    private static final int LONGEST = 4096;
    private static final int WAIT = 10_000;
    private static final List<String> KINDS =
            List.of("PAIR", "PUB", "SUB", "REQ", "REP", "DEALER", "ROUTER", "PULL", "PUSH", "XPUB", "XSUB");

    private final ZMQ.Socket socket;
    private final boolean subscribesByMessages;

    private Peer(ZMQ.Context context, String[] words) {
        socket = context.socket(KINDS.indexOf(words[2]));
        subscribesByMessages = words[2].equals("XSUB");
        socket.setLinger(0);
        socket.setSendTimeOut(WAIT);
        socket.setReceiveTimeOut(WAIT);
        if (words[2].equals("ROUTER")) {
            socket.setRouterMandatory(true);
        }
        for (String option : Arrays.copyOfRange(words, 3, words.length)) {
            String[] pair = option.split("=");
            switch (pair[0]) {
                case "routing_id" -> socket.setIdentity(part(pair[1]));
                case "reconnect_ivl" -> socket.setReconnectIVL(Long.parseLong(pair[1]));
                default -> throw new IllegalArgumentException(option + " is no option");
            }
        }
    }

    public static void main(String[] arguments) throws IOException {
        ZMQ.Context context = ZMQ.context(1);
        Map<String, Peer> peers = new HashMap<>();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = input.readLine()) != null; ) {
            String[] words = line.split(" ");
            String answer;
            try {
                answer = switch (words[0]) {
                    case "socket" -> {
                        peers.put(words[1], new Peer(context, words));
                        yield "";
                    }
                    case "close" -> {
                        peers.remove(words[1]).socket.close();
                        yield "";
                    }
                    default -> peers.get(words[1]).run(words[0], Arrays.copyOfRange(words, 2, words.length));
                };
                answer = "ok " + answer;
            } catch (ZMQException | IllegalStateException problem) {
                answer = "no " + problem.getMessage();
            }
            System.out.println(answer.strip());
        }
        System.exit(0); // Without waiting for what a socket may still do.
    }

    private String run(String command, String[] words) {
        switch (command) {
            case "bind" -> socket.bind(words[0]);
            case "connect" -> socket.connect(words[0]);
            case "subscribe" -> request(1, words[0]);
            case "unsubscribe" -> request(0, words[0]);
            case "send" -> send(words);
            case "recv" -> {
                return receive(0);
            }
            case "take" -> {
                return receive(ZMQ.NOBLOCK);
            }
            case "wait" -> {
                socket.setReceiveTimeOut(Integer.parseInt(words[0]));
                try {
                    return receive(0);
                } finally {
                    socket.setReceiveTimeOut(WAIT);
                }
            }
            default -> throw new IllegalArgumentException(command + " is no command");
        }
        return "";
    }

    private void request(int first, String topic) {
        if (subscribesByMessages) {
            ByteArrayOutputStream message = new ByteArrayOutputStream();
            message.write(first);
            message.writeBytes(part(topic));
            socket.send(message.toByteArray());
        } else if (first == 1) {
            socket.subscribe(part(topic));
        } else {
            socket.unsubscribe(part(topic));
        }
    }

    private void send(String[] words) {
        for (int at = 0; at < words.length; at++) {
            if (!socket.send(part(words[at]), at + 1 < words.length ? ZMQ.SNDMORE : 0)) {
                throw new IllegalStateException("nobody takes it");
            }
        }
    }

    private String receive(int flags) {
        List<String> words = new ArrayList<>();
        do {
            byte[] part = socket.recv(flags);
            if (part == null) {
                throw new IllegalStateException("nothing is there");
            }
            words.add(word(part));
        } while (socket.hasReceiveMore());
        return String.join(" ", words);
    }

    private static String word(byte[] part) {
        if (part.length == 0) {
            return "-";
        }
        if (part.length <= LONGEST) {
            return HexFormat.of().formatHex(part);
        }
        boolean isWhole = Arrays.equals(part, filled(part.length, part[0] & 0xFF));
        return part.length + (isWhole ? "~" + (part[0] & 0xFF) : "-bytes-that-were-not-sent");
    }

    private static byte[] part(String word) {
        String[] sizeAndSeed = word.split("~");
        if (sizeAndSeed.length == 2) {
            return filled(Integer.parseInt(sizeAndSeed[0]), Integer.parseInt(sizeAndSeed[1]));
        }
        return HexFormat.of().parseHex(word.equals("-") ? "" : word);
    }

    private static byte[] filled(int size, int seed) {
        byte[] part = new byte[size];
        for (int at = 0; at < size; at++) {
            part[at] = (byte) ((seed + 7 * (at % CELL)) % CELL);
        }
        return part;
    }
}
