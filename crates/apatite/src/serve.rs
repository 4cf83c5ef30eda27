/*!
`apatite serve`: the workstation in a browser.
*/

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anstream::stdout;
use apatite_knowledge::Knowledge;
use apatite_serve::{Limits, Listening, OpenId, Role, Server, Store, Tls, has_page, serve};
use apatite_text::printable;
use clap::{Args, ValueEnum};

use crate::output::tell;

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Folders or files to begin with: DICOM studies, case files, zip archives of them
    #[arg(value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    /// Address to listen on; one that other machines reach needs TLS, and tokens or --openid
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8360")]
    address: SocketAddr,
    /// Folder of the store [default: apatite in the user's data folder]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Certificate chain, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Give somebody a token, print it, and end; it takes the place of the one they had
    #[arg(long, value_name = "NAME", requires = "role", conflicts_with = "take_token")]
    give_token: Option<String>,
    /// What the token allows
    #[arg(long, value_enum)]
    role: Option<RoleWord>,
    /// Take somebody's token away, and end
    #[arg(long, value_name = "NAME")]
    take_token: Option<String>,
    /// People log in at the OpenID provider that this file describes, TOML: see docs/serve.md
    #[arg(long, value_name = "FILE")]
    openid: Option<PathBuf>,
    /// Most bytes of one upload
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().upload_bytes)]
    upload_bytes: u64,
    /// Most requests of one client in a second, in the long run
    #[arg(long, value_name = "N", default_value_t = Limits::default().requests_per_second)]
    requests_per_second: u32,
    /// Tell every request on standard error: method, route, status and time, no ids and no patient data
    #[arg(long)]
    verbose: bool,
    /// Print the OpenAPI document of the API, and end
    #[arg(long)]
    openapi: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleWord {
    /// Look
    Reader,
    /// Upload, analyse, edit
    Editor,
    /// See the audit trail
    Admin,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Reader => Self::Reader,
            RoleWord::Editor => Self::Editor,
            RoleWord::Admin => Self::Admin,
        }
    }
}

pub(crate) fn run_serve(arguments: &Serve, knowledge: Knowledge) -> Result<ExitCode, Box<dyn Error>> {
    if arguments.openapi {
        writeln!(stdout(), "{}", apatite_serve::openapi())?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = match &arguments.store {
        Some(folder) => folder.clone(),
        None => data_folder().ok_or("there is no home folder to keep the store in: name one with --store")?,
    };
    let store = Store::open(&folder)?;
    if let (Some(name), Some(role)) = (&arguments.give_token, arguments.role) {
        let token = Server::give_token(&store, name, role.into()).map_err(|problem| problem.detail)?;
        writeln!(stdout(), "{token}")?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(name) = &arguments.take_token {
        if !Server::take_token(&store, name).map_err(|problem| problem.detail)? {
            return Err(format!("nobody called `{}` has a token", printable(name)).into());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let level = if arguments.verbose { tracing::Level::INFO } else { tracing::Level::WARN };
    tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_ansi(false).init();
    let tls = arguments.tls_certificate.clone().zip(arguments.tls_key.clone());
    let scheme = if tls.is_some() { "https" } else { "http" };
    let tls = tls.map(|(certificate, key)| Tls { certificate, key });
    let listening = Listening::bind(arguments.address, tls)?;
    let limits = Limits {
        upload_bytes: arguments.upload_bytes,
        requests_per_second: arguments.requests_per_second,
        ..Limits::default()
    };
    let openid = arguments.openid.as_deref().map(OpenId::read).transpose()?;
    let name = std::env::var("USER").unwrap_or_else(|_| "local".to_owned());
    let server = Server::open(knowledge, store, listening.access(), openid, &name, limits)
        .map_err(|error| -> Box<dyn Error> { error })?;
    writeln!(stdout(), "{scheme}://{}/", listening.address)?;
    tell(&format!("The store is in {}. End with Ctrl-C.", printable(&folder.display().to_string())));
    if !has_page() {
        tell(
            "The page was not built into this program (`bash scripts/page`, then build again): only the API answers.",
        );
    }
    if !arguments.folders.is_empty() {
        let (server, folders) = (server.clone(), arguments.folders.clone());
        // the page opens at once and fills
        std::thread::spawn(move || match server.take_folders(&folders) {
            Ok(taken) => {
                for left in &taken.left_out {
                    tell(&format!("{}: left out: {}", left.file, left.reason));
                }
                let (cases, instances) = (taken.cases.len(), taken.instances);
                tell(&format!(
                    "{cases} cases, {} studies, {instances} instances taken in",
                    taken.studies.len()
                ));
            }
            Err(problem) => tell(&format!("error: {}", printable(&problem.detail))),
        });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(server, listening))?;
    Ok(ExitCode::SUCCESS)
}

/// Where programs keep their data.
fn data_folder() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = of("XDG_DATA_HOME").or_else(|| Some(of("HOME")?.join(".local/share")));
    data.or_else(|| of("LOCALAPPDATA")).map(|folder| folder.join("apatite"))
}
