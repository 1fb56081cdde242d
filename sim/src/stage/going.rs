//! How sockets go: endpoints let go, sockets closed or dropped, contexts ended, hosts lost.

use std::sync::Arc;

use ferromq::{CloseReport, Dropped, RecvError, SendErrorKind, Stats};

use super::{GRACE, Host, Seat, Stage};
use crate::Outcome;
use crate::member::{Member, Task};
use crate::plan::pick;

impl Stage<'_> {
    /// Somebody lets an endpoint or a peer go.
    pub(super) fn let_go(&mut self) -> Outcome {
        let Some(seat) = self.choose(|_| true) else {
            return Ok(());
        };
        self.guilds[seat.guild].breaks += 1;
        let choice = self.dice.below(3);
        let member = self.member(seat);
        let released = match choice {
            0 => member
                .bound
                .pop()
                .map(|endpoint| member.socket.unbind(&endpoint)),
            1 => member
                .dialed
                .pop()
                .map(|endpoint| member.socket.disconnect(&endpoint)),
            _ => {
                let peers = member.socket.peers();
                let peer = peers
                    .first()
                    .map(|info| (info.peer.pipe, info.dialed.clone()));
                let released = peer.map(|(pipe, dialed)| {
                    member
                        .dialed
                        .retain(|endpoint| Some(endpoint) != dialed.as_ref());
                    member.socket.disconnect_peer(pipe)
                });
                self.seen
                    .note_if(u64::from(released.is_some()), "peer disconnected by name");
                released
            }
        };
        self.log(|| format!("{seat:?} lets go ({choice}): {released:?}"));
        Ok(())
    }

    /// Somebody is closed, in one way or another.
    pub(super) fn close_one(&mut self) -> Outcome {
        match self.choose(|_| true) {
            Some(seat) => self.close(seat),
            None => Ok(()),
        }
    }

    /// Closes, and waits; or in the background; or just drops it.
    pub(super) fn close(&mut self, seat: Seat) -> Outcome {
        self.guilds[seat.guild].breaks += 1;
        self.look_at_events()?;
        let last_words = pick(&mut self.dice, &[0, 0, 5, 50]);
        self.send_last(seat, last_words)?;
        let manner = self.dice.below(4);
        if manner == 0 {
            // Its proxy would keep it.
            self.stop_relays(|relay| relay.has(seat))?;
        }
        let Some(member) = self.slot(seat).member.take() else {
            return Ok(());
        };
        self.log(|| format!("{seat:?} is closed ({manner})"));
        match manner {
            0 => self.drop_member(member),
            1 => self.close_later(member),
            _ => self.close_now(member)?,
        }
        self.end_relays(|relay| relay.has(seat))
    }

    /// What is under way is given up; or it is not, and goes with the last handle.
    fn drop_member(&mut self, member: Member) {
        self.seen.note_stats(&member.socket.stats());
        drop(member);
    }

    fn close_later(&mut self, member: Member) {
        self.seen.note_stats(&member.socket.stats());
        let latest = self.world.elapsed() + member.linger + GRACE;
        let mut task = Task::new(Arc::clone(&member.socket).close_async());
        if task.poll().is_none() {
            self.closing.push((task, latest));
        }
    }

    fn close_now(&mut self, mut member: Member) -> Outcome {
        let (name, before) = (member.name, self.world.elapsed());
        let queued = member.socket.stats().queued;
        let report = member.socket.close();
        let took = self.world.elapsed() - before;
        self.log(|| format!("{name} closed in {took:?}: {report:?}"));
        if took > member.linger + GRACE {
            return Err(format!(
                "{name} took {took:?} to close; linger {:?}",
                member.linger
            ));
        }
        check_ended(&mut member)?;
        let stats = member.socket.stats();
        check_balance(name, &stats)?;
        if stats.queued > 0 || stats.dropped_sending(Dropped::Closed) < report.unsent {
            return Err(format!("{name} is closed, but {report:?}, {stats:?}"));
        }
        self.note_close(&report, queued, &stats);
        self.take_returned(&member)
    }

    fn note_close(&mut self, report: &CloseReport, queued: u64, stats: &Stats) {
        self.seen.note_stats(stats);
        let CloseReport {
            unsent, complete, ..
        } = *report;
        self.seen.note_if(u64::from(complete), "close is orderly");
        self.seen
            .note_if(u64::from(complete && queued > 0), "close flushes");
        self.seen
            .note_if(u64::from(unsent > 0), "close cut short by linger");
    }

    /// What a socket gives back nobody has had.
    fn take_returned(&mut self, member: &Member) -> Outcome {
        if !member.requeues() {
            return Ok(());
        }
        for message in member.socket.take_returned() {
            let content = member.content(message).unwrap_or_default();
            let entry = self.ledger.read(&content)?;
            self.ledger.note_returned(entry)?;
        }
        Ok(())
    }

    /// Whoever closes in the background is over in time.
    pub(super) fn poll_closing(&mut self) -> Outcome {
        let mut closing = std::mem::take(&mut self.closing);
        let mut late = None;
        let now = self.world.elapsed();
        closing.retain_mut(|(task, latest)| {
            let over = task.is_woken() && task.poll().is_some();
            if !over && now > *latest {
                late = Some(*latest);
            }
            !over
        });
        self.closing = closing;
        match late {
            Some(latest) => Err(format!(
                "closing was to be over at {latest:?}, it is {now:?}"
            )),
            None => Ok(()),
        }
    }

    /// A host crashes, or its context is shut down; a new one takes its place.
    pub(super) fn lose_host(&mut self) -> Outcome {
        let host = self.dice.below(self.hosts.len());
        let mut gone = Vec::new();
        for seat in self.seats() {
            if self.slot(seat).host == host {
                self.guilds[seat.guild].breaks += 1;
                gone.extend(self.slot(seat).member.take());
            }
        }
        self.poll_closing()?;
        match self.dice.below(3) {
            0 => self.shut_down(host, gone),
            silently => {
                self.log(|| format!("host {host} crashes ({silently})"));
                self.hosts[host].world.crash(silently == 1);
                let behaviours = ["host crashed", "host crashed silently"];
                self.seen
                    .note(pick(&mut self.dice, &behaviours[silently % 2..][..1]));
                // Whoever closes on another host starts to wait anew.
                self.closing.clear();
                self.forget_relays(host);
                drop(gone);
                self.hosts[host] = Host::new(&self.world, self.plan);
                Ok(())
            }
        }
    }

    /// Shutting down ends every call; dropping the context waits for linger.
    fn shut_down(&mut self, host: usize, mut gone: Vec<Member>) -> Outcome {
        self.log(|| format!("host {host} is shut down"));
        self.hosts[host].context.shutdown();
        self.seen.note("context shut down");
        gone.iter_mut().try_for_each(check_ended)?;
        self.end_relays(|relay| relay.runs_on(host))?;
        drop(gone);
        let host = &mut self.hosts[host];
        let old = std::mem::replace(host, Host::new(&self.world, self.plan));
        self.drop_context(old)
    }

    pub(super) fn drop_context(&mut self, host: Host) -> Outcome {
        let before = self.world.elapsed();
        drop(host.context);
        let took = self.world.elapsed() - before;
        self.log(|| format!("a context is dropped in {took:?}"));
        self.seen.note("context dropped");
        let longest = std::time::Duration::from_secs(5) + GRACE;
        match took > longest {
            true => Err(format!("it took {took:?} to drop a context")),
            false => Ok(()),
        }
    }
}

/// Every call of a closed socket ends: it was woken, and has something to say.
fn check_ended(member: &mut Member) -> Outcome {
    let name = member.name;
    if let Some(mut task) = member.receiving.take() {
        let ended = task.is_woken().then(|| task.poll()).flatten();
        if !matches!(ended, Some(Ok(_) | Err(RecvError::Closed(_)))) {
            return Err(format!("{name} is closed, and a receive waits: {ended:?}"));
        }
    }
    if let Some(mut task) = member.sending.take() {
        let ended = task.is_woken().then(|| task.poll()).flatten();
        let kind = ended.map(|sent| sent.err().map(|error| error.kind));
        if !matches!(kind, Some(None | Some(SendErrorKind::Closed(_)))) {
            return Err(format!("{name} is closed, and a send waits: {kind:?}"));
        }
    }
    if let Some(mut asking) = member.asking.take() {
        let ended = asking.task.is_woken().then(|| asking.task.poll()).flatten();
        let kind = ended.map(|answered| answered.err().map(|error| error.kind));
        if kind.is_none() {
            return Err(format!("{name} is closed, and a request waits"));
        }
    }
    Ok(())
}

/// What was accepted is handed over, queued, given back or dropped for a reason.
pub(super) fn check_balance(name: u64, stats: &Stats) -> Outcome {
    let dropped = Dropped::ALL
        .iter()
        .map(|reason| stats.dropped_sending(*reason));
    let accounted = stats.handed_over + stats.queued + stats.returned + dropped.sum::<u64>();
    match stats.accepted == accounted {
        true => Ok(()),
        false => Err(format!("{name} is not balanced: {stats:?}")),
    }
}

impl Stage<'_> {
    /// Where a member is, for checks.
    pub(super) fn check_balance_at(&mut self, seat: Seat) -> Outcome {
        let member = self.member(seat);
        check_balance(member.name, &member.socket.stats())
    }
}
