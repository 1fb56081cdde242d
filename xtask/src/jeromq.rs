//! JeroMQ 0.3, a peer of ZMTP 2.0, and a Java to run it: from Debian's packages, installed when
//! they are first needed.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::step::{output, run as run_command};

/// Debian's JRE has the compiler that a program of one source file needs: no JDK is asked for.
const PACKAGES: [&str; 2] = ["libjeromq-java", "default-jre-headless"];

/// Where the first of them puts JeroMQ.
const ARCHIVE: &str = "/usr/share/java/jeromq.jar";

/// The archive; `None` where it is neither installed nor to be installed, which is said.
///
/// # Errors
///
/// Its packages cannot be installed though they should be, or do not work when they are.
pub(crate) fn archive() -> Outcome<Option<&'static str>> {
    let Err(missing) = look() else {
        return Ok(Some(ARCHIVE));
    };
    let packages = PACKAGES.join(" ");
    if !can_install() {
        eprintln!("trials with JeroMQ are skipped: {missing}, and only root on Debian installs it");
        eprintln!("  (apt-get install {packages})");
        return Ok(None);
    }
    println!("installing {packages}: {missing}");
    run_command(apt_get().arg("update"))?;
    let install = ["install", "--yes", "--no-install-recommends"];
    run_command(apt_get().args(install).args(PACKAGES))?;
    look().map_err(|missing| format!("{packages} are installed, and yet {missing}"))?;
    Ok(Some(ARCHIVE))
}

/// What is missing, if anything is.
fn look() -> Outcome {
    if !Path::new(ARCHIVE).exists() {
        return Err(format!("there is no {ARCHIVE}"));
    }
    let modules = Command::new("java").arg("--list-modules").output();
    let modules = modules.map_err(|error| format!("java does not run: {error}"))?;
    match String::from_utf8_lossy(&modules.stdout).contains("jdk.compiler") {
        true => Ok(()),
        false => Err("this Java has no compiler".to_owned()),
    }
}

/// True for root on a system with Debian's package manager.
fn can_install() -> bool {
    let has_apt = apt_get().arg("--version").status();
    let user = output(Command::new("id").arg("-u"));
    has_apt.is_ok_and(|status| status.success()) && user.is_ok_and(|id| id.trim() == "0")
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "--quiet"]).stdout(Stdio::null());
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
