/*!
Binding an address: loopback without ceremony, any other only with TLS and authentication.
*/

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use thiserror::Error;

use crate::auth::Access;
use crate::{Server, app};

/// Certificate chain and private key, PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Certificate chain.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Why an address is not served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Taken, or not allowed.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not loopback, and in the clear.
    #[error(
        "{0} can be reached from other machines: give --tls-certificate and --tls-key, or take 127.0.0.1"
    )]
    NoTls(SocketAddr),
    /// Not loopback, nobody has a token, and nobody can log in.
    #[error(
        "nobody has a token for this store: give one with `apatite serve --give-token NAME --role admin`, or let people log in with --openid"
    )]
    NoTokens,
    /// The certificate or its key.
    #[error("cannot use the certificate or its key: {0}")]
    Certificate(std::io::Error),
    /// While answering.
    #[error("the server failed: {0}")]
    Serving(std::io::Error),
    /// The store.
    #[error("the store failed: {0}")]
    Store(#[from] rusqlite::Error),
}

/// An address that is bound and not served yet.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    tls: Option<Tls>,
    /// The address; its port is the real one where 0 was asked for.
    pub address: SocketAddr,
}

/// A header must come within this time.
const HEADER_SECONDS: u64 = 15;
/// Answers under way get so long when the server is told to stop.
const GRACE_SECONDS: u64 = 2;

impl Listening {
    /// Binds an address.
    ///
    /// # Errors
    /// An address of other machines without TLS, or one that cannot be bound.
    pub fn bind(address: SocketAddr, tls: Option<Tls>) -> Result<Self, ListenError> {
        if !address.ip().is_loopback() && tls.is_none() {
            return Err(ListenError::NoTls(address));
        }
        let bind = |source| ListenError::Bind { address, source };
        let listener = TcpListener::bind(address).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Self { listener, tls, address })
    }

    /// Who may use it: whoever has a token, on loopback without TLS whoever sits there.
    #[must_use]
    pub fn access(&self) -> Access {
        if self.address.ip().is_loopback() && self.tls.is_none() { Access::Local } else { Access::Tokens }
    }
}

/// Answers until the process is told to stop (SIGINT, SIGTERM).
///
/// # Errors
/// No tokens where they are needed, a certificate that cannot be used, a failing system.
pub async fn serve(server: Arc<Server>, listening: Listening) -> Result<(), ListenError> {
    let Listening { listener, tls, .. } = listening;
    match &server.openid {
        None if server.access == Access::Tokens && server.store.tokens()? == 0 => {
            return Err(ListenError::NoTokens);
        }
        None => {}
        Some(_) => {
            let server = server.clone();
            tokio::spawn(async move {
                if let Some(openid) = &server.openid {
                    openid.check().await;
                }
            });
        }
    }
    let handle = Handle::new();
    let stopping = handle.clone();
    let working = server.clone();
    tokio::spawn(async move {
        told_to_stop().await;
        working.stop();
        stopping.graceful_shutdown(Some(Duration::from_secs(GRACE_SECONDS)));
    });
    let service = app(server).into_make_service_with_connect_info::<SocketAddr>();
    match tls {
        None => {
            let mut plain = axum_server::from_tcp(listener).map_err(ListenError::Serving)?.handle(handle);
            plain
                .http_builder()
                .http1()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(HEADER_SECONDS));
            plain.serve(service).await.map_err(ListenError::Serving)
        }
        Some(tls) => {
            // a second call finds the first one's provider, which is the same
            let _ = rustls::crypto::ring::default_provider().install_default();
            let config = RustlsConfig::from_pem_file(tls.certificate, tls.key)
                .await
                .map_err(ListenError::Certificate)?;
            let mut secure =
                axum_server::from_tcp_rustls(listener, config).map_err(ListenError::Serving)?.handle(handle);
            secure
                .http_builder()
                .http1()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(HEADER_SECONDS));
            secure.serve(service).await.map_err(ListenError::Serving)
        }
    }
}

async fn told_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
            }
            Err(_) => drop(interrupt.await),
        }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}
