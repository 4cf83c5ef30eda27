/*!
Who may do what.

On the loopback address there is no ceremony: whoever sits at the machine is its reader, and only requests that name a
loopback host are answered, so that no web page elsewhere can ask on the reader's behalf. On any other address, and
wherever an OpenID provider is configured, each request carries a token (`Authorization: Bearer`) or the cookie of a
session that a token or a login at the provider opened. A cookie alone changes nothing: the page adds a header that no
page of another origin can add.
*/

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Server;
use crate::openid::SESSION;
use crate::problem::{Answer, Problem};

/// What somebody may do; each role may what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look.
    Reader,
    /// Upload, analyse, edit.
    Editor,
    /// See the audit trail.
    Admin,
}

impl Role {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Reader, Self::Editor, Self::Admin].into_iter().find(|role| role.word() == word)
    }
}

/// Whoever makes a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Who {
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// How the server knows.
    pub means: Means,
}

impl Who {
    fn nobody() -> Self {
        Self { name: "-".to_owned(), role: Role::Reader, means: Means::Nobody }
    }
}

/// How the server knows who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Means {
    /// It comes from this machine, and nothing is asked.
    Local,
    /// By a token.
    Token,
    /// By a login at the OpenID provider.
    Openid,
    /// It does not, and what is asked for is open to all.
    Nobody,
}

/// The session, opened by a login, that a request belongs to.
#[derive(Clone, Debug)]
pub(crate) struct InSession(pub(crate) Option<String>);

/// Whether a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever sits at the machine.
    Local,
    /// Whoever has a token, or a role at the OpenID provider.
    Tokens,
}

/// Name of the cookie of a session that a token opened.
pub(crate) const COOKIE: &str = "__Host-apatite-token";
/// The header without which a cookie changes nothing. A page of another origin cannot send it unasked, and nobody who
/// asks is allowed to.
pub(crate) const CSRF: &str = "x-apatite-csrf";

/// What needs no token: whether the server lives, the page itself (which holds no data), and opening a session.
fn is_open(method: &Method, path: &str) -> bool {
    let page = method == Method::GET && !path.starts_with("/api/") && !path.starts_with("/dicomweb");
    (page && path != "/metrics") || path == "/api/v1/session" || path == "/api/v1/openapi.json"
}

/// What a request needs.
fn needed(method: &Method, path: &str) -> Role {
    let asks = path.ends_with("/differential") || path.ends_with("/what-if");
    match () {
        () if path == "/api/v1/audit" => Role::Admin,
        () if *method == Method::GET || *method == Method::HEAD || asks => Role::Reader,
        () => Role::Editor,
    }
}

/// Lets a request through or not, notes it in the audit trail, and counts it.
pub(crate) async fn guard(State(server): State<Arc<Server>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let who = recognise(&server, &method, request.uri(), request.headers());
    let (name, role) = match &who {
        Ok((who, _)) if who.means != Means::Nobody => (who.name.clone(), who.role.word()),
        Ok(_) | Err(_) => ("-".to_owned(), "-"),
    };
    let response = match who {
        Ok((who, session)) => match allow(&who, &method, &path) {
            Ok(()) => {
                request.extensions_mut().insert(who);
                request.extensions_mut().insert(session);
                next.run(request).await
            }
            Err(problem) => problem.into_response(),
        },
        Err(problem) => problem.into_response(),
    };
    let status = response.status().as_u16();
    server.metrics.request(method.as_str(), &route, status, started.elapsed());
    let opens = route.ends_with("/cases/{id}")
        || (path.starts_with("/dicomweb/studies/") && !path.contains("/frames/"));
    let refused = matches!(status, 401 | 403);
    if refused || opens || needed(&method, &path) > Role::Reader {
        server.audit.note(&name, role, method.as_str(), &path, status);
    }
    tracing::info!(method = method.as_str(), route, status, ms = started.elapsed().as_millis() as u64);
    response
}

/// Who makes a request, where it is one that is answered at all.
fn recognise(server: &Server, method: &Method, uri: &Uri, headers: &HeaderMap) -> Answer<(Who, InSession)> {
    let path = uri.path();
    // HTTP/2 names the host in the address
    let host = match header_text(headers, header::HOST) {
        "" => uri.authority().map_or("", |authority| authority.as_str()),
        host => host,
    };
    if server.access == Access::Local {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let loopback =
            matches!(if host.ends_with(']') { host } else { name }, "localhost" | "127.0.0.1" | "[::1]" | "");
        if !loopback {
            return Err(Problem::forbidden("this server answers only requests to localhost"));
        }
    }
    let origin = header_text(headers, header::ORIGIN);
    // a proxy in front may name itself otherwise than browsers name it
    let own = server.openid.as_ref().is_some_and(|openid| openid.is_own_origin(origin));
    let elsewhere =
        !origin.is_empty() && !own && origin.split_once("://").is_none_or(|(_, from)| from != host);
    if elsewhere && *method != Method::GET {
        return Err(Problem::forbidden("a request from a page of another origin is not answered"));
    }
    match server.access {
        Access::Local => {
            let name = server.local_name.clone();
            Ok((Who { name, role: Role::Admin, means: Means::Local }, InSession(None)))
        }
        Access::Tokens => match identify(server, method, headers)? {
            Some(known) => Ok(known),
            None if is_open(method, path) => Ok((Who::nobody(), InSession(None))),
            None => Err(server.no_session()),
        },
    }
}

/// Whether somebody's role is enough.
fn allow(who: &Who, method: &Method, path: &str) -> Answer<()> {
    if who.role < needed(method, path) && !is_open(method, path) {
        return Err(Problem::forbidden(format!(
            "this needs the role {}, and {} has {}",
            needed(method, path).word(),
            if who.means == Means::Openid { "the person" } else { "the token" },
            who.role.word()
        )));
    }
    Ok(())
}

/// Who asks, by token or cookie.
fn identify(server: &Server, method: &Method, headers: &HeaderMap) -> Answer<Option<(Who, InSession)>> {
    if let Some(token) = header_text(headers, header::AUTHORIZATION).strip_prefix("Bearer ") {
        return Ok(who_has(server, token)?.map(|who| (who, InSession(None))));
    }
    let session = cookie(headers, SESSION).zip(server.openid.as_ref());
    let person = session.and_then(|(id, openid)| Some((openid.session(id)?, InSession(Some(id.to_owned())))));
    let known = match (person, cookie(headers, COOKIE)) {
        (Some(person), _) => Some(person),
        (None, Some(token)) => who_has(server, token)?.map(|who| (who, InSession(None))),
        (None, None) => None,
    };
    // a browser sends cookies unasked
    if known.is_some() && !method.is_safe() && !headers.contains_key(CSRF) {
        return Err(Problem::forbidden(format!("a request that changes something needs the header {CSRF}")));
    }
    Ok(known)
}

/// Which requests that begin at another site carry a cookie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SameSite {
    /// Those that open a page: the provider sends the browser back with one.
    Lax,
    /// None.
    Strict,
}

/// A cookie for a time that only this host gets, only over TLS, and no script; no time takes it away.
pub(crate) fn set_cookie(name: &str, value: &str, same_site: SameSite, time: Duration) -> String {
    format!("{name}={value}; Path=/; HttpOnly; Secure; SameSite={same_site:?}; Max-Age={}", time.as_secs())
}

/// A cookie of a request.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // HTTP/2 may send each in a header of its own
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|one| one.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Whose token it is.
pub(crate) fn who_has(server: &Server, token: &str) -> rusqlite::Result<Option<Who>> {
    // tokens are long and random, and looked up by digest: the time tells nothing of them
    let found = server.store.token(token.trim())?;
    Ok(found.and_then(|(name, role)| Some(Who { name, role: Role::of(&role)?, means: Means::Token })))
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A new token: 32 random bytes.
///
/// # Errors
/// The system gives no random numbers.
pub(crate) fn new_token() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(crate::store::hex(&bytes))
}
