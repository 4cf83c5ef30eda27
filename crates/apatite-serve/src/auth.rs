/*!
Who may do what.

On the loopback address there is no ceremony: whoever sits at the machine is its reader, and only requests that name a
loopback host are answered, so that no web page elsewhere can ask on the reader's behalf. On any other address each
request carries a token: `Authorization: Bearer`, or the cookie of a session that a token opened.
*/

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Server;
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
}

/// Whether a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever sits at the machine.
    Local,
    /// Whoever has a token.
    Tokens,
}

/// Name of the cookie of a session.
pub(crate) const COOKIE: &str = "apatite-session";

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
    let who = admit(&server, &method, &path, request.headers());
    let (name, role) = match &who {
        Ok(who) => (who.name.clone(), who.role.word()),
        Err(_) => ("-".to_owned(), "-"),
    };
    let response = match who {
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
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

fn admit(server: &Server, method: &Method, path: &str, headers: &HeaderMap) -> Answer<Who> {
    let host = header_text(headers, header::HOST);
    if server.access == Access::Local {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let loopback =
            matches!(if host.ends_with(']') { host } else { name }, "localhost" | "127.0.0.1" | "[::1]" | "");
        if !loopback {
            return Err(Problem::forbidden("this server answers only requests to localhost"));
        }
    }
    let origin = header_text(headers, header::ORIGIN);
    let elsewhere = !origin.is_empty() && origin.split_once("://").is_none_or(|(_, from)| from != host);
    if elsewhere && *method != Method::GET {
        return Err(Problem::forbidden("a request from a page of another origin is not answered"));
    }
    let who = match server.access {
        Access::Local => Who { name: server.local_name.clone(), role: Role::Admin },
        Access::Tokens => match by_token(server, headers)? {
            Some(who) => who,
            None if is_open(method, path) => Who { name: "-".to_owned(), role: Role::Reader },
            None => {
                return Err(Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "a token is needed: Authorization: Bearer, or a session opened with one",
                ));
            }
        },
    };
    if who.role < needed(method, path) && !is_open(method, path) {
        return Err(Problem::forbidden(format!(
            "this needs the role {}, and the token has {}",
            needed(method, path).word(),
            who.role.word()
        )));
    }
    Ok(who)
}

fn by_token(server: &Server, headers: &HeaderMap) -> Answer<Option<Who>> {
    let bearer = header_text(headers, header::AUTHORIZATION).strip_prefix("Bearer ");
    let cookie = header_text(headers, header::COOKIE)
        .split(';')
        .find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    let Some(token) = bearer.or(cookie) else { return Ok(None) };
    Ok(who_has(server, token)?)
}

/// Whose token it is.
pub(crate) fn who_has(server: &Server, token: &str) -> rusqlite::Result<Option<Who>> {
    // tokens are long and random, and looked up by digest: the time tells nothing of them
    let found = server.store.token(token.trim())?;
    Ok(found.and_then(|(name, role)| Some(Who { name, role: Role::of(&role)? })))
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
