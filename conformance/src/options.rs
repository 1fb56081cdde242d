//! What is asked for on the command line.

use std::path::PathBuf;

use ferromq::SocketType;

use crate::case::{Kind, Trial};

pub(crate) const USAGE: &str = "\
cargo xtask conformance [OPTION]…       which requirements of the specifications are met
  --spec NUMBER         only what shows a requirement of this RFC
  --pattern NAME        only the suites of this pattern: reqrep, pubsub, pipeline, pair
  --transport NAME      only over this: tcp, ipc, inproc, sim (a simulated network), memory
  --peer NAME           only against this: raw (a scripted peer), ferromq, pyzmq, pyomq,
                        jeromq (ZMTP 2.0)
  --case TEXT           only trials whose name contains this
  --models N            only the models, with the first N seeds (a run without it: 2)
  --differential N      only ours and libzmq's doing the same, likewise (a run without it: 3)
  --until-surprise      begins no other trial after the first that ends otherwise than expected
  --list                names the trials, and runs nothing
  --against ENDPOINT --type TYPE
                        the wire part against a socket of this type that listens there
Those that name something may be given several times: what any of them asks for is run.";

/// The options, as read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) specs: Vec<String>,
    pub(crate) patterns: Vec<String>,
    pub(crate) transports: Vec<String>,
    pub(crate) peers: Vec<String>,
    pub(crate) cases: Vec<String>,
    pub(crate) list: bool,
    /// Nothing is begun after the first surprise.
    pub(crate) until_surprise: bool,
    /// Only the models, with so many seeds.
    pub(crate) models: Option<u64>,
    /// Only the comparison with libzmq, with so many seeds.
    pub(crate) differential: Option<u64>,
    pub(crate) against: Option<Foreign>,
    /// Where the page goes.
    pub(crate) report: Option<PathBuf>,
    /// The Python that has the packages of the foreign peers.
    pub(crate) python: Option<PathBuf>,
    /// The archive of JeroMQ.
    pub(crate) jeromq: Option<PathBuf>,
}

/// A socket that somebody else has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    pub(crate) endpoint: String,
    pub(crate) socket_type: SocketType,
}

impl Options {
    /// Reads arguments; an error is a text for people.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let (mut against, mut socket_type) = (None, None);
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let flag = match name.as_str() {
                "--list" => Some(&mut options.list),
                "--until-surprise" => Some(&mut options.until_surprise),
                _ => None,
            };
            if let Some(flag) = flag {
                *flag = true;
                continue;
            }
            let Some(value) = arguments.next() else {
                return Err(format!("{name}: unknown, or without its value"));
            };
            match name.as_str() {
                "--spec" => options.specs.push(value),
                "--pattern" => options.patterns.push(value),
                "--transport" => options.transports.push(value),
                "--peer" => options.peers.push(value),
                "--case" => options.cases.push(value),
                "--models" => options.models = Some(parse_count(&value)?),
                "--differential" => options.differential = Some(parse_count(&value)?),
                "--against" => against = Some(value),
                "--type" => socket_type = Some(parse_type(&value)?),
                "--report" => options.report = Some(value.into()),
                "--python" => options.python = Some(value.into()),
                "--jeromq" => options.jeromq = Some(value.into()),
                _ => return Err(format!("unknown option {name}")),
            }
        }
        options.against = match (against, socket_type) {
            (None, None) => None,
            (Some(endpoint), Some(socket_type)) => Some(Foreign {
                endpoint,
                socket_type,
            }),
            _ => return Err("--against and --type need each other".to_owned()),
        };
        Ok(options)
    }

    /// True if this trial is asked for.
    pub(crate) fn wants(&self, trial: &Trial) -> bool {
        let has =
            |list: &[String], name: &str| list.is_empty() || list.iter().any(|one| one == name);
        let shows = |spec: &String| {
            let of_spec = |id: &str| id.split_once('/').is_some_and(|(rfc, _)| rfc == spec);
            trial.shows.iter().any(|id| of_spec(id))
        };
        let named = |text: &String| trial.name().contains(text.as_str());
        let pattern = trial.kind != Kind::Wire && self.patterns.iter().any(|p| p == trial.suite);
        (self.specs.is_empty() || self.specs.iter().any(shows))
            && (self.patterns.is_empty() || pattern)
            && has(&self.transports, trial.transport)
            && has(&self.peers, trial.peer)
            && self.kind().is_none_or(|kind| trial.kind == kind)
            && (self.cases.is_empty() || self.cases.iter().any(named))
    }

    /// The one kind of evidence that is asked for, if it is one.
    fn kind(&self) -> Option<Kind> {
        let models = self.models.map(|_| Kind::Models);
        models.or(self.differential.map(|_| Kind::Differential))
    }

    /// True if everything is asked for.
    pub(crate) fn is_whole(&self) -> bool {
        let lists = [
            &self.specs,
            &self.patterns,
            &self.transports,
            &self.peers,
            &self.cases,
        ];
        let narrowed = self.against.is_some() || self.kind().is_some() || self.until_surprise;
        lists.iter().all(|list| list.is_empty()) && !narrowed
    }
}

fn parse_count(number: &str) -> Result<u64, String> {
    number.parse().map_err(|_| format!("{number} is no number"))
}

fn parse_type(name: &str) -> Result<SocketType, String> {
    let upper = name.to_uppercase();
    SocketType::from_name(upper.as_bytes()).ok_or(format!("{name} is no socket type"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Pace;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    fn trial() -> Trial {
        Trial {
            kind: Kind::Patterns,
            suite: "pipeline",
            case: "push_shares_out",
            shows: &["30/push-round-robin"],
            transport: "tcp",
            stage: "tcp".to_owned(),
            peer: "ferromq",
            pace: Pace::Works,
            body: Box::new(|| ()),
        }
    }

    #[test]
    fn options_choose_trials() {
        for (line, wanted) in [
            ("", true),
            ("--spec 30", true),
            ("--spec 3", false),
            ("--spec 37 --spec 30", true),
            ("--pattern pipeline --transport tcp", true),
            ("--pattern pipeline --transport ipc", false),
            ("--pattern pair", false),
            ("--peer raw", false),
            ("--case shares", true),
            ("--models 7", false),
        ] {
            assert_eq!(parse(line).unwrap().wants(&trial()), wanted, "{line}");
        }
    }

    #[test]
    fn run_that_may_end_early_is_not_whole() {
        assert!(parse("").unwrap().is_whole());
        assert!(!parse("--until-surprise").unwrap().is_whole());
    }

    #[test]
    fn foreign_peer_needs_endpoint_and_type() {
        let options = parse("--against tcp://127.0.0.1:5555 --type router").unwrap();
        assert!(!options.is_whole());
        assert_eq!(options.against.unwrap().socket_type, SocketType::Router);
        for line in [
            "--type PUB",
            "--against tcp://a:1",
            "--against a --type RABBIT",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn unknown_options_are_refused() {
        for line in ["--sepc 30", "--spec", "37", "--models many"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
