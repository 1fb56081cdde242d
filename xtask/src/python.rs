//! A Python with the packages of other implementations: a virtual environment under the target
//! directory, made when it is first needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::run as run_command;
use crate::{Outcome, target};

/// The packages and their versions, from the root: what fails because of them is known by version.
const PACKAGES: &str = "xtask/py/requirements.txt";

/// The interpreter; installs what the list asks for unless that is done.
pub(crate) fn environment(root: &Path) -> Outcome<PathBuf> {
    let list = root.join(PACKAGES);
    let environment = target(root).join("interop").join("venv");
    let (python, installed) = (
        environment.join("bin/python"),
        environment.join(".installed"),
    );
    let wanted = fs::read_to_string(&list).map_err(|error| format!("{list:?}: {error}"))?;
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    let make = ["-m", "venv"];
    run_command(Command::new("python3").args(make).arg(&environment))?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ];
    run_command(Command::new(&python).args(install).arg(&list))?;
    fs::write(&installed, wanted).map_err(|error| format!("{installed:?}: {error}"))?;
    Ok(python)
}
