//! Whether a peer is welcome: asking who decides, and telling what was decided.

use ferromq_wire::{Claim, Part};

use super::{Context, Phase, Session};
use crate::authentication::{self, Decision};
use crate::event::{Event, Reason};
use crate::io::shaking::decided;

impl Session {
    /// Has it decided whether the peer is welcome.
    pub(super) fn ask(&mut self, claim: Claim, cx: &mut Context<'_>) {
        let Phase::Shaking(shaking) = &mut self.phase else {
            return;
        };
        let mut applicant = shaking.applicant(claim, &self.options.zap_domain);
        let answer = authentication::ask(&self.port, &self.options, applicant.clone());
        applicant.claim = applicant.claim.without_password();
        applicant.metadata = beginning(&applicant.metadata);
        shaking.wait_for(applicant, Decision::new(answer, decided(cx.io, self.key)));
    }

    /// Tells who was refused, if that is why the handshake ends.
    pub(super) fn report_denied(&mut self, reason: Reason) {
        let Phase::Shaking(shaking) = &mut self.phase else {
            return;
        };
        if let (Reason::Denied(denial), Some((applicant, text))) = (reason, shaking.denied()) {
            self.port.events.report(|| Event::Denied {
                connection: self.connection,
                endpoint: self.endpoint.clone(),
                applicant,
                denial,
                text,
            });
        }
    }
}

/// How much of a peer's metadata events tell, in bytes: they may wait by the thousand.
const TOLD: usize = 1024;

/// The first properties, as many as are told; what they were read from is not kept for them.
fn beginning(metadata: &[(String, Part)]) -> Vec<(String, Part)> {
    let mut room = TOLD;
    let fit = metadata.iter().take_while(|(name, value)| {
        let left = room.checked_sub(name.len() + value.len());
        room = left.unwrap_or(0);
        left.is_some()
    });
    fit.map(|(name, value)| (name.clone(), Part::copy_from(value)))
        .collect()
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn events_tell_the_first_properties_up_to_a_kibibyte() {
        let property = |size: usize| ("name".to_owned(), Part::from(vec![7; size]));
        let lengths = |sizes: &[usize]| {
            let metadata: Vec<_> = sizes.iter().map(|size| property(*size)).collect();
            let told = beginning(&metadata);
            told.iter()
                .map(|(_, value)| value.len())
                .collect::<Vec<_>>()
        };
        assert_eq!(lengths(&[]), []);
        assert_eq!(lengths(&[TOLD - 4]), [TOLD - 4]);
        assert_eq!(lengths(&[TOLD - 3]), []);
        assert_eq!(lengths(&[100, 900, 12, 1]), [100, 900, 12]);
        assert_eq!(lengths(&[100, 63_000, 1]), [100]);
    }
}
