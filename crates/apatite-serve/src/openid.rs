/*!
People log in at an OpenID provider: authorization code flow with PKCE, state and nonce.

The provider is asked only when it is configured, and it and the endpoints its discovery document names are the only
addresses that the program connects to. What it says goes through `openidconnect`; this module decides whom the answer
makes of somebody, keeps the session, and tells nobody more than that a login failed.
*/

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::pin::Pin;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::url::{Host, Url};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AsyncHttpClient, AuthType, AuthorizationCode, ClaimsVerificationError,
    Client, ClientId, ClientSecret, CsrfToken, DiscoveryError, EmptyExtraTokenFields, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdTokenFields, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, ProviderMetadataWithLogout, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse, StandardTokenResponse,
    TokenResponse as _, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use crate::api::{App, Query};
use crate::auth::{Means, Role, SameSite, Who, cookie, set_cookie};
use crate::problem::Problem;
use crate::sessions::Remembered;

/// Cookie of a session that a login opened.
pub(crate) const SESSION: &str = "__Host-apatite-session";
/// Cookie that ties a login under way to its browser.
const LOGIN: &str = "__Host-apatite-login";
/// A login that takes longer begins anew.
const LOGIN_TIME: Duration = Duration::from_secs(600);
/// Logins under way, and open sessions, at most.
const MOST: usize = 20_000;
/// What the provider publishes is asked for again after this time.
const FRESH: Duration = Duration::from_secs(600);
/// A provider that failed is left alone for this time.
const REST: Duration = Duration::from_secs(5);
/// The provider must answer within this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer of the provider, in bytes.
const MOST_BYTES: usize = 1 << 20;
/// Longest id token that is handed back at log-out: it becomes part of an address.
const MOST_HINT_BYTES: usize = 4096;
/// Longest name, in characters.
const MOST_NAME: usize = 100;

/// How people log in: the file that `apatite serve --openid` names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    issuer: String,
    client_id: String,
    client_secret_file: Option<std::path::PathBuf>,
    client_secret_env: Option<String>,
    address: String,
    #[serde(default = "profile")]
    scopes: Vec<String>,
    claim: String,
    #[serde(default = "preferred_username")]
    name_claim: String,
    #[serde(default = "a_shift")]
    session_minutes: u64,
    #[serde(default = "yes")]
    provider_logout: bool,
    roles: Roles,
}

/// The values of the claim that give a role.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Roles {
    #[serde(default)]
    reader: Vec<String>,
    #[serde(default)]
    editor: Vec<String>,
    #[serde(default)]
    admin: Vec<String>,
}

fn profile() -> Vec<String> {
    vec!["profile".to_owned()]
}

fn preferred_username() -> String {
    "preferred_username".to_owned()
}

fn a_shift() -> u64 {
    480
}

fn yes() -> bool {
    true
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenIdError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// No TOML, or a field that is missing, unknown or of the wrong kind.
    #[error("{path}: {message}")]
    Form {
        /// The file.
        path: String,
        /// What is wrong and where.
        message: String,
    },
    /// The system's certificates cannot be read.
    #[error("the certificates of this system, by which the provider is known, cannot be read: {0}")]
    Certificates(std::io::Error),
}

/// An OpenID provider, the logins that are under way there and the sessions they opened.
#[derive(Debug)]
pub struct OpenId {
    issuer: IssuerUrl,
    client_id: ClientId,
    secret: Option<ClientSecret>,
    /// The server as browsers see it.
    address: Url,
    redirect: RedirectUrl,
    scopes: Vec<Scope>,
    claim: String,
    name_claim: String,
    roles: Roles,
    session_time: Duration,
    provider_logout: bool,
    http: Http,
    known: tokio::sync::Mutex<Known>,
    logins: Remembered<Login>,
    sessions: Remembered<Session>,
}

/// What is known of the provider.
#[derive(Debug, Default)]
struct Known {
    published: Option<(Instant, ProviderMetadataWithLogout)>,
    failed: Option<(Instant, Failure)>,
}

/// A login under way.
#[derive(Clone, Debug)]
struct Login {
    state: String,
    nonce: Nonce,
    verifier: String,
    to: String,
}

/// An open session.
#[derive(Clone, Debug)]
struct Session {
    who: Who,
    /// The id token, by which the provider knows whose session there it shall end.
    hint: Option<String>,
}

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
enum Failure {
    /// Not the browser that began the login, or too late, or a second time.
    #[error("this login was not begun here, or is over: begin again")]
    Stale,
    /// The provider, or the person there, says no.
    #[error("the provider did not let this person in")]
    Denied,
    /// Known to the provider, and given no role.
    #[error("this person has no role here")]
    NoRole,
    /// The id token does not hold.
    #[error("what the provider says of this person does not hold")]
    Invalid(String),
    /// The provider does not answer as it should.
    #[error("the provider does not answer as it should; the log of the server says more")]
    Provider(String),
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Stale => StatusCode::BAD_REQUEST,
            Self::Denied | Self::NoRole | Self::Invalid(_) => StatusCode::FORBIDDEN,
            Self::Provider(_) => StatusCode::BAD_GATEWAY,
        }
    }

    /// Its name in the page's address, for which the page has words.
    fn word(&self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Denied => "denied",
            Self::NoRole => "no-role",
            Self::Invalid(_) => "invalid",
            Self::Provider(_) => "provider",
        }
    }

    /// The page for a browser, a problem for anything else.
    fn answer(&self, headers: &HeaderMap) -> Response {
        if let Self::Invalid(why) | Self::Provider(why) = self {
            tracing::warn!("openid: {why}");
        }
        let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if accepts.contains("text/html") {
            return Redirect::to(&format!("/index.html?login={}", self.word())).into_response();
        }
        Problem::new(self.status(), self.to_string()).into_response()
    }
}

/// All claims of an id token that are not standard.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
struct OtherClaims(BTreeMap<String, Value>);

impl AdditionalClaims for OtherClaims {}

type Fields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type ProviderClient = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl OpenId {
    /// Reads a configuration. The secret is in a file (beside the configuration where its path is relative) or in an
    /// environment variable; without either the client is a public one.
    ///
    /// # Errors
    /// A file that cannot be read, a configuration that does not hold, a system without certificates.
    pub fn read(path: &Path) -> Result<Self, OpenIdError> {
        let text = |path: &Path| {
            std::fs::read_to_string(path)
                .map_err(|source| OpenIdError::Read { path: path.display().to_string(), source })
        };
        let form = |message: String| OpenIdError::Form { path: path.display().to_string(), message };
        let told = toml::from_str::<Configuration>(&text(path)?).map_err(|error| form(error.to_string()))?;
        let secret = match (&told.client_secret_file, &told.client_secret_env) {
            (Some(_), Some(_)) => {
                return Err(form("give client_secret_file or client_secret_env, not both".to_owned()));
            }
            (Some(file), None) => Some(text(&path.parent().unwrap_or(Path::new("")).join(file))?),
            (None, Some(name)) => Some(
                std::env::var(name)
                    .map_err(|_| form(format!("the environment variable {name} is not set")))?,
            ),
            (None, None) => None,
        };
        Self::of(told, secret).map_err(form)?.map_err(OpenIdError::Certificates)
    }

    fn of(told: Configuration, secret: Option<String>) -> Result<std::io::Result<Self>, String> {
        let secret = secret.map(|secret| secret.trim().to_owned());
        if secret.as_ref().is_some_and(String::is_empty) {
            return Err("the client secret is empty".to_owned());
        }
        let issuer = IssuerUrl::new(told.issuer).map_err(|error| format!("issuer: {error}"))?;
        if !is_safe(issuer.url()) {
            return Err("issuer: must begin with https://".to_owned());
        }
        let address = Url::parse(&told.address).map_err(|error| format!("address: {error}"))?;
        if !is_safe(&address) || address.path() != "/" || address.query().is_some() {
            return Err("address: must be https://HOST/ or https://HOST:PORT/, as browsers see it".to_owned());
        }
        let redirect = address.join("login/callback").map_err(|error| format!("address: {error}"))?;
        let roles = [&told.roles.reader, &told.roles.editor, &told.roles.admin];
        if roles.into_iter().flatten().count() == 0 {
            return Err("roles: no value gives any role, so that nobody would get in".to_owned());
        }
        if roles.into_iter().flatten().any(|value| value.trim().is_empty()) {
            return Err("roles: a value is empty".to_owned());
        }
        if !(1..=1440).contains(&told.session_minutes) {
            return Err("session_minutes: from 1 to 1440".to_owned());
        }
        let http = match Http::new() {
            Ok(http) => http,
            Err(error) => return Ok(Err(error)),
        };
        Ok(Ok(Self {
            issuer,
            client_id: ClientId::new(told.client_id),
            secret: secret.map(ClientSecret::new),
            redirect: RedirectUrl::from_url(redirect),
            address,
            scopes: told.scopes.into_iter().map(Scope::new).collect(),
            claim: told.claim,
            name_claim: told.name_claim,
            roles: told.roles,
            session_time: Duration::from_secs(told.session_minutes * 60),
            provider_logout: told.provider_logout,
            http,
            known: tokio::sync::Mutex::default(),
            logins: Remembered::new(MOST),
            sessions: Remembered::new(MOST),
        }))
    }

    /// Whether a page's origin is the server as browsers see it.
    pub(crate) fn is_own_origin(&self, origin: &str) -> bool {
        self.address.origin().ascii_serialization() == origin
    }

    /// Whose session it is, while it is open.
    pub(crate) fn session(&self, id: &str) -> Option<Who> {
        self.sessions.get(id).map(|session| session.who)
    }

    /// Closes a session. Returns where the browser ends the one at the provider.
    pub(crate) async fn close(&self, id: &str) -> Option<String> {
        let session = self.sessions.take(id)?;
        if !self.provider_logout {
            return None;
        }
        let published = self.published(false).await.ok()?;
        let mut there = published.additional_metadata().end_session_endpoint.as_ref()?.url().clone();
        if !is_safe(&there) {
            return None;
        }
        let mut query = there.query_pairs_mut();
        if let Some(hint) = session.hint {
            query.append_pair("id_token_hint", &hint);
        }
        query.append_pair("client_id", &self.client_id);
        query.append_pair("post_logout_redirect_uri", self.address.as_str());
        drop(query);
        Some(there.into())
    }

    /// Asks the provider what it publishes, so that a configuration that cannot work is told at the start.
    pub(crate) async fn check(&self) {
        if let Err(Failure::Provider(why)) = self.published(false).await {
            tracing::warn!("openid: {why}");
        }
    }

    /// What the provider publishes, its keys among it; `anew` where the ones known have been replaced.
    async fn published(&self, anew: bool) -> Result<ProviderMetadataWithLogout, Failure> {
        let mut known = self.known.lock().await;
        if let Some((at, published)) = &known.published
            && !anew
            && at.elapsed() < FRESH
        {
            return Ok(published.clone());
        }
        if let Some((at, failure)) = &known.failed
            && at.elapsed() < REST
        {
            return Err(failure.clone());
        }
        match ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &self.http).await {
            Ok(published) => {
                *known = Known { published: Some((Instant::now(), published.clone())), failed: None };
                Ok(published)
            }
            Err(error) => {
                let why = match &error {
                    // what cannot be understood is not repeated
                    DiscoveryError::Parse(_) | DiscoveryError::Response(..) => error.to_string(),
                    error => chain(error),
                };
                let failure = Failure::Provider(format!("discovery: {why}"));
                known.failed = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }

    fn client(&self, published: &ProviderMetadataWithLogout) -> ProviderClient {
        let methods = published.token_endpoint_auth_methods_supported();
        let basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        ProviderClient::from_provider_metadata(published.clone(), self.client_id.clone(), self.secret.clone())
            .set_auth_type(if basic { AuthType::BasicAuth } else { AuthType::RequestBody })
            .set_redirect_uri(self.redirect.clone())
    }

    /// Begins a login that shall end at `to`; `again` asks who it is even of somebody whom the provider knows already.
    /// Returns the provider's address and the id of the login.
    async fn begin(&self, to: String, again: bool) -> Result<(Url, String), Failure> {
        let published = self.published(false).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client(&published);
        let request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(self.scopes.iter().cloned())
            .set_pkce_challenge(challenge);
        let request = if again { request.add_prompt(CoreAuthPrompt::Login) } else { request };
        let (there, state, nonce) = request.url();
        if !is_safe(&there) {
            return Err(Failure::Provider("its authorization endpoint is not https".to_owned()));
        }
        let login = Login { state: state.secret().clone(), nonce, verifier: verifier.secret().clone(), to };
        let id = self.logins.keep(login, LOGIN_TIME).map_err(|error| Failure::Provider(error.to_string()))?;
        Ok((there, id))
    }

    /// Ends a login with what the provider sent the browser back with.
    async fn finish(&self, login: Option<&str>, back: Back) -> Result<(Login, Found), Failure> {
        // a login is taken away by its first answer, right or wrong
        let login = login.and_then(|id| self.logins.take(id)).ok_or(Failure::Stale)?;
        let state = back.state.unwrap_or_default();
        if !bool::from(state.as_bytes().ct_eq(login.state.as_bytes())) {
            return Err(Failure::Stale);
        }
        // RFC 9207: an answer of another provider
        if back.iss.is_some_and(|iss| iss != *self.issuer) {
            return Err(Failure::Invalid("the answer names another issuer".to_owned()));
        }
        if back.error.is_some() {
            return Err(Failure::Denied);
        }
        let code = back.code.ok_or(Failure::Stale)?;
        let mut published = self.published(false).await?;
        let client = self.client(&published);
        let asked = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| Failure::Provider(error.to_string()))?
            .set_pkce_verifier(PkceCodeVerifier::new(login.verifier.clone()));
        let tokens = match asked.request_async(&self.http).await {
            Ok(tokens) => tokens,
            Err(RequestTokenError::ServerResponse(response)) => {
                let code = response.error();
                return Err(match code {
                    CoreErrorResponseType::InvalidGrant => Failure::Denied,
                    _ => Failure::Provider(format!("the code is not exchanged: {}", code.as_ref())),
                });
            }
            Err(RequestTokenError::Request(error)) => return Err(Failure::Provider(chain(&error))),
            // what cannot be understood may hold tokens
            Err(_) => {
                return Err(Failure::Provider("the answer for the code cannot be understood".to_owned()));
            }
        };
        let token =
            tokens.id_token().ok_or_else(|| Failure::Provider("the answer has no id token".to_owned()))?;
        let algorithms =
            [CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, CoreJwsSigningAlgorithm::EcdsaP256Sha256];
        let verify = |client: &ProviderClient| {
            let verifier = client.id_token_verifier().set_allowed_algs(algorithms.clone());
            token.claims(&verifier, &login.nonce).cloned()
        };
        let mut claims = verify(&client);
        let unknown_key = |error: &ClaimsVerificationError| {
            use SignatureVerificationError::{CryptoError, NoMatchingKey};
            matches!(error, ClaimsVerificationError::SignatureVerification(NoMatchingKey | CryptoError(_)))
        };
        if claims.as_ref().is_err_and(unknown_key) {
            published = self.published(true).await?;
            claims = verify(&self.client(&published));
        }
        let claims = claims.map_err(|error| Failure::Invalid(chain(&error)))?;
        if claims.authorized_party().is_some_and(|party| **party != *self.client_id) {
            return Err(Failure::Invalid("the id token was made for another client".to_owned()));
        }
        let client = self.client(&published);
        if let Some(expected) = claims.access_token_hash() {
            let verifier = client.id_token_verifier();
            let actual = token.signing_alg().ok().zip(token.signing_key(&verifier).ok()).and_then(
                |(algorithm, key)| AccessTokenHash::from_token(tokens.access_token(), algorithm, key).ok(),
            );
            if actual.as_ref() != Some(expected) {
                return Err(Failure::Invalid("the access token is not the one of the id token".to_owned()));
            }
        }
        let subject = claims.subject().clone();
        let mut said = object(&claims);
        if (at(&said, &self.claim).is_none() || at(&said, &self.name_claim).is_none())
            && let Ok(request) = client.user_info(tokens.access_token().clone(), Some(subject.clone()))
        {
            let more = request.request_async::<OtherClaims, _, CoreGenderClaim>(&self.http).await;
            let more: UserInfoClaims<_, _> =
                more.map_err(|_| Failure::Provider("the claims of userinfo cannot be read".to_owned()))?;
            // what is signed stays
            for (name, value) in object(&more) {
                said.entry(name).or_insert(value);
            }
        }
        let name = at(&said, &self.name_claim).and_then(Value::as_str).and_then(name_of);
        let subject =
            name_of(&subject).ok_or_else(|| Failure::Invalid("the subject is no name".to_owned()))?;
        let name = name.unwrap_or_else(|| subject.clone());
        let role = at(&said, &self.claim).and_then(|value| self.role(value));
        let hint = Some(token.to_string()).filter(|hint| hint.len() <= MOST_HINT_BYTES);
        Ok((login, Found { name, subject, role, hint }))
    }

    /// The highest role that a claim gives.
    fn role(&self, claim: &Value) -> Option<Role> {
        let values = match claim {
            Value::String(value) => vec![value.as_str()],
            Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        let given = |list: &[String]| list.iter().any(|value| values.contains(&value.as_str()));
        [
            (Role::Admin, &self.roles.admin),
            (Role::Editor, &self.roles.editor),
            (Role::Reader, &self.roles.reader),
        ]
        .into_iter()
        .find_map(|(role, list)| given(list).then_some(role))
    }
}

/// Whom the provider found.
#[derive(Debug)]
struct Found {
    name: String,
    subject: String,
    role: Option<Role>,
    hint: Option<String>,
}

/// Where a login shall end.
#[derive(Debug, Deserialize)]
pub(crate) struct Begin {
    /// A case.
    case: Option<String>,
    /// Whether the provider shall ask who it is.
    again: Option<bool>,
}

/// What a provider sends a browser back with.
#[derive(Debug, Deserialize)]
pub(crate) struct Back {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// Sends a browser to the provider.
pub(crate) async fn login(
    State(server): App,
    headers: HeaderMap,
    Query(Begin { case, again }): Query<Begin>,
) -> Response {
    let Some(openid) = &server.openid else { return not_configured() };
    let case = case.filter(|id| id.len() <= 64 && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    let to = case.map_or_else(|| "/".to_owned(), |id| format!("/#/case/{id}"));
    match openid.begin(to, again.unwrap_or_default()).await {
        Ok((there, id)) => {
            let cookie = set_cookie(LOGIN, &id, SameSite::Lax, LOGIN_TIME);
            ([(header::SET_COOKIE, cookie)], Redirect::to(there.as_str())).into_response()
        }
        Err(failure) => failure.answer(&headers),
    }
}

/// Where the provider sends a browser back: opens the session.
pub(crate) async fn callback(State(server): App, headers: HeaderMap, Query(back): Query<Back>) -> Response {
    let Some(openid) = &server.openid else { return not_configured() };
    let over = AppendHeaders([(header::SET_COOKIE, set_cookie(LOGIN, "", SameSite::Lax, Duration::ZERO))]);
    let (login, found) = match openid.finish(cookie(&headers, LOGIN), back).await {
        Ok(found) => found,
        Err(failure) => return (over, failure.answer(&headers)).into_response(),
    };
    let Found { name, subject, role, hint } = found;
    // the name may be given to somebody else one day, the subject never
    let noted = format!("openid:{subject}");
    let Some(role) = role else {
        server.audit.note(&name, "-", "LOGIN", &noted, StatusCode::FORBIDDEN.as_u16());
        return (over, Failure::NoRole.answer(&headers)).into_response();
    };
    let who = Who { name, role, means: Means::Openid };
    // whoever logs in anew leaves no session behind
    cookie(&headers, SESSION).and_then(|id| openid.sessions.take(id));
    match openid.sessions.keep(Session { who: who.clone(), hint }, openid.session_time) {
        Ok(id) => {
            server.audit.note(&who.name, role.word(), "LOGIN", &noted, StatusCode::SEE_OTHER.as_u16());
            let open = AppendHeaders([(
                header::SET_COOKIE,
                set_cookie(SESSION, &id, SameSite::Lax, openid.session_time),
            )]);
            (over, open, Redirect::to(&login.to)).into_response()
        }
        Err(error) => Problem::internal(&error).into_response(),
    }
}

fn not_configured() -> Response {
    Problem::not_found("this server knows no OpenID provider").into_response()
}

/// Encrypted, or not leaving this machine.
fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

/// A claim by its name, or by the names on the way to it: `realm_access.roles`.
fn at<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let (outer, inner) = name.split_once('.')?;
        at(claims.get(outer)?.as_object()?, inner)
    })
}

fn object(claims: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(claims) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// A name as it may stand in a log: one line, not too long, and not the sign for nobody.
fn name_of(name: &str) -> Option<String> {
    let name = name.trim();
    let shown = !name.chars().any(char::is_control) && name.chars().count() <= MOST_NAME;
    (shown && !name.is_empty() && name != "-").then(|| name.to_owned())
}

/// An error with its causes. Not for what could not be parsed: the cause may hold a token.
fn chain(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

/// Asks the provider: TLS by the system's certificates, no redirects followed, within limits.
#[derive(Clone, Debug)]
struct Http(hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Body>);

/// Why an address gives no answer.
#[derive(Debug, Error)]
enum NoAnswer {
    #[error("{0} is not https")]
    Unsafe(String),
    #[error("no answer from {host}")]
    Failed { host: String, source: Box<dyn Error + Send + Sync> },
    #[error("no answer from {0} in time")]
    Late(String),
}

impl Http {
    fn new() -> std::io::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self(hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector)))
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        if !Url::parse(&request.uri().to_string()).is_ok_and(|url| is_safe(&url)) {
            return Err(NoAnswer::Unsafe(host));
        }
        let failed = |source: Box<dyn Error + Send + Sync>| NoAnswer::Failed { host: host.clone(), source };
        let asking = async {
            let response =
                self.0.request(request.map(Body::from)).await.map_err(|error| failed(error.into()))?;
            let (parts, body) = response.into_parts();
            let body = axum::body::to_bytes(Body::new(body), MOST_BYTES).await;
            let body = body.map_err(|error| failed(error.into()))?;
            Ok(HttpResponse::from_parts(parts, body.to_vec()))
        };
        tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err(NoAnswer::Late(host.clone())))
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = NoAnswer;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, NoAnswer>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(change: impl FnOnce(&str) -> String) -> Result<OpenId, String> {
        let base = "issuer = \"https://login.example/realm\"\nclient_id = \"apatite\"\n\
                    address = \"https://apatite.example/\"\nclaim = \"realm_access.roles\"\n\
                    [roles]\nreader = [\"radiology\"]\neditor = [\"calcinosis\"]\nadmin = [\"it\"]\n";
        let told = toml::from_str(&change(base)).map_err(|error| error.to_string())?;
        OpenId::of(told, None)?.map_err(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_safe_is_refused() {
        let refused = |from: &str, to: &str| read(|base| base.replace(from, to)).map(drop).unwrap_err();
        assert!(read(str::to_owned).is_ok());
        assert!(refused("https://login", "http://login").contains("issuer"));
        assert!(refused("https://apatite", "http://apatite").contains("address"));
        assert!(refused("apatite.example/", "apatite.example/x/").contains("address"));
        assert!(refused("\"radiology\"", "\"\"").contains("roles"));
        assert!(refused("client_id", "client_secret = \"x\"\nclient_id").contains("client_secret"));
        assert!(refused("[roles]", "session_minutes = 0\n[roles]").contains("session_minutes"));
        assert!(read(|base| base.split_once("reader").unwrap().0.to_owned()).is_err());
    }

    #[test]
    fn the_highest_role_counts_and_nothing_else_gives_one() {
        let openid = read(str::to_owned).unwrap();
        let role = |claims: Value| {
            let claims = claims.as_object().cloned().unwrap();
            at(&claims, &openid.claim).and_then(|value| openid.role(value))
        };
        let within = |value: Value| role(json!({ "realm_access": { "roles": value } }));
        assert_eq!(within(json!(["radiology", "it", "calcinosis"])), Some(Role::Admin));
        assert_eq!(within(json!(["other", "calcinosis"])), Some(Role::Editor));
        assert_eq!(within(json!("radiology")), Some(Role::Reader));
        assert_eq!(role(json!({ "realm_access.roles": ["it"] })), Some(Role::Admin));
        for nothing in [json!(["Radiology"]), json!("radiology it"), json!([]), json!(true), json!(null)] {
            assert_eq!(within(nothing), None);
        }
        assert_eq!(role(json!({ "roles": ["it"] })), None);
    }

    #[test]
    fn names_are_one_line_and_somebody() {
        assert_eq!(name_of(" Ada Rossi "), Some("Ada Rossi".to_owned()));
        for bad in ["", " ", "-", "a\nb", &"x".repeat(MOST_NAME + 1)] {
            assert_eq!(name_of(bad), None);
        }
    }
}
