//! Who may be a peer, and what others can read.

use super::{Builder, SocketType};
use crate::authentication::Authenticator;
use crate::error::BuildError;
use crate::security::Security;

impl<S: SocketType> Builder<S> {
    /// The security mechanism, and our role in it. Default: [`Security::null`].
    #[doc(alias = "ZMQ_MECHANISM")]
    pub fn security(mut self, security: Security) -> Self {
        self.options.security = security;
        self
    }

    /// Who decides about peers, whether they connect to us or we to them: those of NULL, and
    /// clients of PLAIN and CURVE. Default: nobody; then those of PLAIN are denied, others welcome.
    ///
    /// Clients of PLAIN and CURVE ask nobody about their servers, so that
    /// [`build`](Self::build) fails with both ([`BuildError::AuthenticatorOfClient`]).
    pub fn authenticator(mut self, authenticator: Authenticator) -> Self {
        self.options.authenticator = Some(authenticator);
        self
    }

    /// The domain in which we ask for authentication (RFC 27), at most 255 bytes. Default: empty.
    ///
    /// Without an [`authenticator`](Self::authenticator), who is asked is the ZAP handler: a REP or
    /// ROUTER socket of the same context, bound to `inproc://zeromq.zap.01`. It is asked about
    /// peers of PLAIN and CURVE, and about those of NULL if the domain is not empty. If there is
    /// none, peers of PLAIN are denied, others welcome (see
    /// [`enforce_zap_domain`](Self::enforce_zap_domain)).
    #[doc(alias = "ZMQ_ZAP_DOMAIN")]
    pub fn zap_domain(mut self, domain: impl Into<String>) -> Self {
        self.options.zap_domain = domain.into();
        self
    }

    /// Whether peers are denied while nobody is there who decides about them, neither an
    /// authenticator nor a ZAP handler. Default: false. It holds whatever the domain; of NULL, for
    /// sockets that have one. (libzmq, asked so of a CURVE server without a domain, does not even
    /// ask a handler that is there.)
    ///
    /// Clients of PLAIN and CURVE ask nobody about their servers, so that [`build`](Self::build)
    /// fails with it ([`BuildError::AuthenticatorOfClient`]); a domain alone says nothing for them.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_ZAP_ENFORCE_DOMAIN")]
    pub fn enforce_zap_domain(mut self, enforce: bool) -> Self {
        self.options.enforce_zap_domain = enforce;
        self
    }

    pub(super) fn check_security(&self) -> Result<(), BuildError> {
        let options = &self.options;
        if !options.security.is_valid() {
            return BuildError::out_of_range("security");
        }
        if options.zap_domain.len() > 255 {
            return BuildError::out_of_range("zap_domain");
        }
        let decides = options.authenticator.is_some() || options.enforce_zap_domain;
        if decides && !options.security.asks() {
            return Err(BuildError::AuthenticatorOfClient);
        }
        Ok(())
    }
}
