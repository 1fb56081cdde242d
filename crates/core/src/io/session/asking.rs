//! Whether a peer is welcome: asking who decides, and telling what was decided.

use ferromq_wire::Claim;

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
