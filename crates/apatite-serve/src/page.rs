/*!
The page, embedded into the program where it was built (`bash scripts/page`).
*/

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use include_dir::{Dir, include_dir};

use crate::api::App;
use crate::auth::{Means, Who};
use crate::problem::Problem;

/// `web/dist`, or nothing: see `build.rs`.
static PAGE: Dir<'_> = include_dir!("$APATITE_PAGE");

/// Whether the page was built into the program.
#[must_use]
pub fn has_page() -> bool {
    PAGE.get_file("index.html").is_some()
}

/// A file of the page. Whoever opens the page and is not known is sent to the OpenID provider, where there is one;
/// `/index.html` is the page all the same, for those who have a token or have just logged out.
pub(crate) async fn page(State(server): App, Extension(who): Extension<Who>, uri: Uri) -> Response {
    if uri.path() == "/" && who.means == Means::Nobody && server.openid.is_some() {
        return Redirect::to("/login").into_response();
    }
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let Some(file) = PAGE.get_file(path) else {
        if path == "index.html" {
            return Problem::new(
                StatusCode::NOT_FOUND,
                "the page was not built into this program: run `bash scripts/page` and build again. The API is at /api/v1",
            )
            .into_response();
        }
        return Problem::not_found("there is nothing here").into_response();
    };
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    // names under assets/ hold the digest of their content
    let caching =
        if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, kind.as_ref()), (header::CACHE_CONTROL, caching)];
    (headers, Body::from(file.contents())).into_response()
}
