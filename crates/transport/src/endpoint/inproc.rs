//! The names of in-process endpoints.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::EndpointError;

/// The longest inproc name, in bytes.
const NAME_MAX: usize = 256;

/// The name of an in-process endpoint: 1 to 256 bytes of text, without NUL. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InprocName(Arc<str>);

impl InprocName {
    /// The name without its scheme.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InprocName {
    type Err = EndpointError;

    fn from_str(name: &str) -> Result<Self, EndpointError> {
        if name.is_empty() {
            return Err(EndpointError::NameEmpty);
        }
        if name.len() > NAME_MAX {
            return Err(EndpointError::NameTooLong);
        }
        if name.contains('\0') {
            return Err(EndpointError::NulByte);
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for InprocName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
