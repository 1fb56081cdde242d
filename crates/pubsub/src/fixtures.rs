//! What the tests of this crate have in common: subscriptions, and who they make receive.

use ferromq_core::{Action, Command, Pattern};
use ferromq_testkit::driven::{Driven, Sent};

pub(crate) fn subscribe(topic: &str) -> Command {
    Command::Subscribe(topic.as_bytes().to_vec().into())
}

pub(crate) fn cancel(topic: &str) -> Command {
    Command::Cancel(topic.as_bytes().to_vec().into())
}

/// The commands among the actions asked for so far, in order.
pub(crate) fn commands<P: Pattern + Default>(driven: &mut Driven<P>) -> Vec<(usize, Command)> {
    let actions = driven.actions().into_iter();
    let commands = actions.filter_map(|action| match action {
        Action::Command(pipe, command) | Action::Request(pipe, command) => {
            Some((pipe.index(), command))
        }
        _ => None,
    });
    commands.collect()
}

/// The pipes that a message goes to, sorted.
pub(crate) fn receivers(sent: Sent) -> Vec<usize> {
    let Sent::Each(pipes, _) = sent else {
        panic!("unexpected {sent:?}");
    };
    let mut pipes: Vec<_> = pipes.iter().map(|pipe| pipe.index()).collect();
    pipes.sort();
    pipes
}
