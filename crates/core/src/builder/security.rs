//! Who may be a peer, and what others can read.

use super::{Builder, SocketType};
use crate::authentication::Authenticator;
use crate::security::Security;

impl<S: SocketType> Builder<S> {
    /// The security mechanism, and our role in it. Default: [`Security::null`].
    #[doc(alias = "ZMQ_MECHANISM")]
    pub fn security(mut self, security: Security) -> Self {
        self.options.security = security;
        self
    }

    /// Who decides about peers, of whatever mechanism we speak, whether they connect to us or we to
    /// them. Default: nobody; then those of NULL are welcome, and those of PLAIN are not.
    pub fn authenticator(mut self, authenticator: Authenticator) -> Self {
        self.options.authenticator = Some(authenticator);
        self
    }

    /// The domain in which we ask for authentication (RFC 27), at most 255 bytes. Default: empty.
    #[doc(alias = "ZMQ_ZAP_DOMAIN")]
    pub fn zap_domain(mut self, domain: impl Into<String>) -> Self {
        self.options.zap_domain = domain.into();
        self
    }
}
