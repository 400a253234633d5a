//! What the programs in JavaScript need: Node, and the packages of the lockfile, installed into the target folder.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::machine::first_line;

/// The scripts, and what they can be run with.
#[derive(Debug)]
pub struct Scripts {
    /// The script that runs a workload.
    pub runner: PathBuf,
    /// The folder of the installed packages.
    pub modules: PathBuf,
    /// The workloads of each library.
    pub workloads: BTreeMap<String, Vec<String>>,
    /// Whether Bluebird is installed.
    pub has_bluebird: bool,
    /// Bun, if it is installed and runs.
    pub bun: Option<PathBuf>,
    /// What is left out, and why.
    pub left_out: Vec<String>,
}

impl Scripts {
    /// Installs the packages, if they are not there yet.
    ///
    /// # Errors
    ///
    /// If Node is not there: it is what all others are compared with.
    pub fn prepare(folder: &Path) -> Result<Self> {
        let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("js/run.js");
        let listing = first_line(Command::new("node").arg(&runner).arg("list"));
        let listing = listing.context("node does not run, and everything is compared with it")?;
        let workloads = serde_json::from_str(&listing).context("the script lists its workloads")?;
        let modules = folder.join("node_modules");
        let mut left_out = Vec::new();
        if let Err(error) = install(folder) {
            left_out.push(format!("Bluebird and Bun: {error:#}"));
        }
        let has_bluebird = modules.join("bluebird").is_dir();
        let bun = bun(&modules);
        if left_out.is_empty() && bun.is_none() {
            left_out.push("Bun: its package has no executable for this machine".to_owned());
        }
        Ok(Self { runner, modules, workloads, has_bluebird, bun, left_out })
    }

    /// Names and versions of the hosts and libraries.
    pub fn versions(&self) -> Vec<String> {
        let node = first_line(Command::new("node").arg("--version")).map(|version| format!("Node {version}"));
        let bun = self.bun.as_ref().and_then(|bun| first_line(Command::new(bun).arg("--version")));
        let bluebird = fs::read_to_string(self.modules.join("bluebird/package.json")).ok();
        let bluebird = bluebird.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
        let bluebird = bluebird.and_then(|package| Some(format!("Bluebird {}", package["version"].as_str()?)));
        node.into_iter().chain(bluebird).chain(bun.map(|version| format!("Bun {version}"))).collect()
    }
}

/// Installs what the lockfile names. Bun's package brings an executable along, so no script of a package has to run.
fn install(folder: &Path) -> Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("js");
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut changed = !folder.join("node_modules").is_dir();
    for file in ["package.json", "package-lock.json"] {
        let text = fs::read(source.join(file)).with_context(|| format!("{file} cannot be read"))?;
        if fs::read(folder.join(file)).ok().as_ref() != Some(&text) {
            fs::write(folder.join(file), text).with_context(|| format!("{file} cannot be written"))?;
            changed = true;
        }
    }
    if changed {
        let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        let status = Command::new("npm").args(arguments).current_dir(folder).status().context("npm does not run")?;
        if !status.success() {
            // The next run shall try again.
            let _ = fs::remove_file(folder.join("package-lock.json"));
        }
        ensure!(status.success(), "npm could not install them");
    }
    Ok(())
}

/// The executable in the package for this machine.
fn bun(modules: &Path) -> Option<PathBuf> {
    let packages = fs::read_dir(modules.join("@oven")).ok()?;
    let file = format!("bin/bun{}", env::consts::EXE_SUFFIX);
    let mut executables = packages.filter_map(|package| Some(package.ok()?.path().join(&file)));
    executables.find(|bun| first_line(Command::new(bun).arg("--version")).is_some())
}
