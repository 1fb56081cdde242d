//! `Stream` and `Sink` over a socket (feature `futures`).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ferromq_wire::Message;
use futures_core::Stream;
use futures_sink::Sink;

use super::{RecvFuture, SendFuture, Socket};
use crate::error::{RecvError, SendError};
use crate::pattern::{Pattern, Receives, Sends};

impl<P: Receives> Socket<P> {
    /// The socket's messages as a [`Stream`] of what [`recv`](Socket::recv) returns; it ends when
    /// the socket is closed, and goes on after other errors.
    ///
    /// *Cancel safety*: dropping the stream loses no message.
    pub fn stream(&self) -> MessageStream<'_, P> {
        MessageStream {
            socket: self,
            next: self.recv_async(),
        }
    }
}

impl<P: Sends> Socket<P> {
    /// The socket as a [`Sink`] of messages. It holds at most one message that is not accepted yet;
    /// dropping the sink before it is flushed means that this one was not sent.
    ///
    /// *Errors*: those of [`send`](Socket::send), which hand the message back.
    pub fn sink(&self) -> MessageSink<'_, P> {
        MessageSink {
            socket: self,
            pending: None,
        }
    }
}

/// A socket's messages. Made by [`Socket::stream`].
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct MessageStream<'a, P: Pattern> {
    socket: &'a Socket<P>,
    next: RecvFuture<'a, P>,
}

impl<P: Receives> Stream for MessageStream<'_, P> {
    type Item = Result<Message, RecvError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let received = ready!(Pin::new(&mut self.next).poll(cx));
        self.next = self.socket.recv_async();
        Poll::Ready(match received {
            Err(RecvError::Closed(_)) => None,
            received => Some(received),
        })
    }
}

/// A socket to send to. Made by [`Socket::sink`].
#[derive(Debug)]
#[must_use = "a sink does nothing unless it is polled"]
pub struct MessageSink<'a, P: Pattern> {
    socket: &'a Socket<P>,
    pending: Option<SendFuture<'a, P>>,
}

impl<P: Sends> MessageSink<'_, P> {
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let Some(pending) = &mut self.pending else {
            return Poll::Ready(Ok(()));
        };
        let sent = ready!(Pin::new(pending).poll(cx));
        self.pending = None;
        Poll::Ready(sent)
    }
}

impl<P: Sends, M: Into<Message>> Sink<M> for MessageSink<'_, P> {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_pending(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: M) -> Result<(), SendError> {
        self.pending = Some(self.socket.send_async(message));
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_pending(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_pending(cx)
    }
}
