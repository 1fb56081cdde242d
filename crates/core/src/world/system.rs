//! PLACEHOLDER until the operating system's world is here.
use super::*;
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct SystemWorld;
#[allow(missing_docs)]
impl SystemWorld { pub fn new() -> Self { Self } }
#[allow(unused)]
impl World for SystemWorld {
    fn now(&self) -> Instant { Instant::now() }
    fn random(&self) -> u64 { 0 }
    fn start(&self, name: String, worker: Box<dyn Worker>) -> io::Result<Box<dyn Running>> { unimplemented!() }
    fn reactor(&self) -> io::Result<Arc<dyn Reactor>> { unimplemented!() }
    fn bell(&self) -> Arc<dyn Bell> { unimplemented!() }
    fn listen(&self, endpoint: &Endpoint, options: &TransportOptions) -> Result<Box<dyn Listener>, ferromq_transport::ListenError> { unimplemented!() }
    fn dial(&self, address: &Address, options: &TransportOptions) -> io::Result<Arc<dyn Stream>> { unimplemented!() }
    fn resolve(&self, endpoint: &Endpoint, reply: Resolved) { unimplemented!() }
}
