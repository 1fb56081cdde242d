//! Three namespaces: two that are joined by a bridge in the third.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::Outcome;

/// The ends, by their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
}

impl Side {
    /// Its address when the lab is new.
    pub(crate) fn address(self) -> &'static str {
        match self {
            Self::A => "10.77.0.1",
            Self::B => "10.77.0.2",
        }
    }

    /// The end of its cable at the bridge.
    fn port(self) -> &'static str {
        match self {
            Self::A => "port-a",
            Self::B => "port-b",
        }
    }
}

/// The namespaces; dropping it removes them.
#[derive(Debug)]
pub(crate) struct Lab {
    prefix: String,
}

/// Where `ip netns exec` takes the files of a namespace from that are to hide those of `/etc`.
const FILES: &str = "/etc/netns";

/// Fails, with the reason, where there can be none.
pub(crate) fn check() -> Outcome {
    for (program, arguments) in [("ip", "-V"), ("tc", "-V")] {
        run(program, &[arguments]).map_err(|why| format!("iproute2 is missing: {why}"))?;
    }
    Lab::new()
        .map(drop)
        .map_err(|why| format!("network namespaces are not allowed: {why}"))
}

impl Lab {
    pub(crate) fn new() -> Outcome<Self> {
        let lab = Self {
            prefix: format!("fq{}", std::process::id()),
        };
        for name in ["a", "b", "s"] {
            ip(&["netns", "add", &lab.namespace(name)])?;
            ip(&["-n", &lab.namespace(name), "link", "set", "lo", "up"])?;
        }
        let bridge = lab.namespace("s");
        let to_bridge = |words: &[&str]| ip(&[&["-n", &bridge], words].concat());
        to_bridge(&["link", "add", "bridge", "type", "bridge"])?;
        to_bridge(&["link", "set", "bridge", "up"])?;
        for side in [Side::A, Side::B] {
            let (port, end) = (side.port(), lab.of(side));
            let pair = ["link", "add", port, "type", "veth"];
            to_bridge(&[&pair[..], &["peer", "name", "eth", "netns", &end]].concat())?;
            to_bridge(&["link", "set", port, "master", "bridge", "up"])?;
            lab.inside(side, &["link", "set", "eth", "up"])?;
            lab.add_address(side, side.address())?;
        }
        Ok(lab)
    }

    /// The name of the namespace of a side.
    pub(crate) fn of(&self, side: Side) -> String {
        self.namespace(if side == Side::A { "a" } else { "b" })
    }

    fn namespace(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn inside(&self, side: Side, words: &[&str]) -> Outcome {
        ip(&[&["-n", &self.of(side)], words].concat())
    }

    fn add_address(&self, side: Side, address: &str) -> Outcome {
        let address = format!("{address}/24");
        self.inside(side, &["addr", "add", &address, "dev", "eth"])
    }

    /// Gives this side another address than it had when the lab was new.
    pub(crate) fn move_to(&self, side: Side, address: &str) -> Outcome {
        // First: others of the same network would go with it.
        self.inside(side, &["addr", "flush", "dev", "eth"])?;
        self.add_address(side, address)
    }

    /// Pulls the cable of this side out of the bridge.
    pub(crate) fn pull(&self, side: Side) -> Outcome {
        let bridge = self.namespace("s");
        ip(&["-n", &bridge, "link", "set", side.port(), "down"])
    }

    /// Plugs it in again.
    pub(crate) fn plug(&self, side: Side) -> Outcome {
        let bridge = self.namespace("s");
        ip(&["-n", &bridge, "link", "set", side.port(), "up"])
    }

    /// What goes to this side passes this from now on.
    pub(crate) fn shape(&self, side: Side, discipline: &[&str]) -> Outcome {
        let words = ["qdisc", "replace", "dev", side.port(), "root"];
        let bridge = self.namespace("s");
        run("tc", &[&["-n", &bridge], &words[..], discipline].concat()).map(drop)
    }

    /// How many packets were dropped on the way to this side.
    pub(crate) fn dropped(&self, side: Side) -> Outcome<u64> {
        let bridge = self.namespace("s");
        let shown = ["-n", &bridge, "-s", "qdisc", "show", "dev", side.port()];
        let text = run("tc", &shown)?;
        let after = text.split_once("(dropped ").map(|(_, after)| after);
        let digits = after.and_then(|after| after.split(',').next());
        let number = digits.and_then(|digits| digits.trim().parse().ok());
        number.ok_or_else(|| format!("tc tells no drops: {text}"))
    }

    /// In the namespace of this side, `server` is this address.
    pub(crate) fn name_server(&self, side: Side, address: &str) -> Outcome {
        let directory = PathBuf::from(FILES).join(self.of(side));
        fs::create_dir_all(&directory).map_err(|error| format!("{directory:?}: {error}"))?;
        let file = directory.join("hosts");
        // In place: whoever runs there already has this very file.
        fs::write(&file, format!("{address} server\n"))
            .map_err(|error| format!("{file:?}: {error}"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in ["a", "b", "s"] {
            let namespace = self.namespace(name);
            let _ = ip(&["netns", "del", &namespace]);
            let _ = fs::remove_dir_all(PathBuf::from(FILES).join(namespace));
        }
        // Only if there is nothing else in it.
        let _ = fs::remove_dir(FILES);
    }
}

fn ip(words: &[&str]) -> Outcome {
    run("ip", words).map(drop)
}

/// What a program prints, or why it has failed.
fn run(program: &str, words: &[&str]) -> Outcome<String> {
    let output = Command::new(program).args(words).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {}: {}", words.join(" "), why.trim()))
}
