//! `apatite serve` as a program: over HTTP, over a kill, over hostile input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A server on a store of its own, killed with the test.
struct Server {
    child: Child,
    address: String,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(store: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_apatite"))
            .args(["serve", "--address", "127.0.0.1:0", "--store"])
            .arg(store)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { child, address }
    }

    /// SIGKILL, which no program can answer.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head += &format!("Host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // a server that refuses early may close while the body is still sent
        let _ = stream.write_all(body);
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let at = all.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8_lossy(&all[..at]).to_lowercase();
        let status = head[9..12].parse().unwrap();
        let mut body = all[at + 4..].to_vec();
        if head.contains("transfer-encoding: chunked") {
            body = unchunked(&body);
        }
        Answer { status, head, body }
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, &[], b"");
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &[("Content-Type", "application/json")], body.to_string().as_bytes())
    }

    fn upload(&self, files: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, bytes) in files {
            let head = format!(
                "--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--cut--\r\n");
        self.ask("POST", "/api/v1/uploads", &[("Content-Type", "multipart/form-data; boundary=cut")], &body)
    }
}

fn unchunked(body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap().trim(), 16).unwrap();
        if length == 0 {
            break;
        }
        whole.extend_from_slice(&rest[at + 2..at + 2 + length]);
        rest = &rest[at + 4 + length..];
    }
    whole
}

/// The root of the project.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder that is there for one test.
fn folder() -> TempDir {
    TempDir::with_prefix("apatite-serve-").unwrap()
}

fn case_file() -> Vec<u8> {
    std::fs::read(project().join("examples/article/figure-2-3.toml")).unwrap()
}

/// Puts the case of the article into a server; returns its id.
fn with_case(server: &Server) -> String {
    let taken = server.upload(&[("figure.toml", &case_file())]);
    assert_eq!(taken.status, 200);
    taken.json()["cases"][0].as_str().unwrap().to_owned()
}

fn leading(differential: &Value) -> (&str, f64) {
    let first = &differential["differential"][0];
    (first["diagnosis"].as_str().unwrap(), first["probability"].as_f64().unwrap())
}

#[test]
fn a_case_is_taken_and_answered_as_on_the_command_line() {
    let own = folder();
    let store = own.path();
    let server = Server::start(store, &[]);
    let id = with_case(&server);
    let served = server.get(&format!("/api/v1/cases/{id}/differential"));
    let said = Command::new(env!("CARGO_BIN_EXE_apatite"))
        .args(["diagnose", "--format", "json", "--draws", "0"])
        .arg(project().join("examples/article/figure-2-3.toml"))
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(leading(&served), leading(&said));
    let rows = server.get("/api/v1/cases?lang=it");
    assert_eq!(rows[0]["leading"]["diagnosis"], json!(leading(&said).0));
    for format in ["html", "pdf", "text", "json"] {
        let report =
            server.ask("GET", &format!("/api/v1/cases/{id}/report?format={format}&lang=it"), &[], b"");
        assert_eq!(report.status, 200, "{format}");
        assert!(report.body.len() > 1000, "{format}");
    }
    let advice = server.get(&format!("/api/v1/cases/{id}/advice"));
    assert!(!advice["examinations"].as_array().unwrap().is_empty());
}

#[test]
fn an_edit_is_kept_over_a_kill_and_can_be_undone() {
    let own = folder();
    let store = own.path();
    let server = Server::start(store, &[]);
    let id = with_case(&server);
    let edits = format!("/api/v1/cases/{id}/edits");
    let before = server.get(&format!("/api/v1/cases/{id}/differential"));
    let edit =
        json!({ "kind": "fact", "modality": "CT", "finding": "sedimentation_sign", "state": "absent" });
    // killed while edits are coming in: each that was confirmed must be there
    let mut confirmed = 0;
    for state in ["absent", "present", "suggested", "absent"] {
        let mut edit = edit.clone();
        edit["state"] = json!(state);
        let answer = server.post(&edits, &edit);
        assert_eq!(answer.status, 201);
        confirmed = answer.json()["case"]["edit_count"].as_u64().unwrap();
    }
    server.kill();

    let server = Server::start(store, &[]);
    let case = server.get(&format!("/api/v1/cases/{id}"));
    let log = case["edits"].as_array().unwrap();
    assert_eq!(log.len() as u64, confirmed);
    assert!(log.iter().all(|edit| edit["who"].is_string() && edit["made"].as_str().unwrap().ends_with('Z')));
    let after = server.get(&format!("/api/v1/cases/{id}/differential"));
    assert_ne!(leading(&before).1, leading(&after).1);
    for edit in log {
        let undo = json!({ "kind": "undo", "edit": edit["number"] });
        assert_eq!(server.post(&edits, &undo).status, 201);
    }
    let back = server.get(&format!("/api/v1/cases/{id}/differential"));
    assert_eq!(before["differential"], back["differential"]);
    // an undo can be undone
    let log = server.get(&format!("/api/v1/cases/{id}"))["edits"].clone();
    let last = log.as_array().unwrap().last().unwrap()["number"].clone();
    let again = server.post(&edits, &json!({ "kind": "undo", "edit": last })).json();
    assert_eq!(leading(&again["differential"]).1, leading(&after).1);
    // what if stores nothing
    let count = again["case"]["edit_count"].as_u64().unwrap();
    let suppose = json!({ "edits": [{ "kind": "patient", "age": 9, "sex": "male" }] });
    assert_eq!(server.post(&format!("/api/v1/cases/{id}/what-if"), &suppose).status, 200);
    assert_eq!(server.get(&format!("/api/v1/cases/{id}"))["edit_count"].as_u64().unwrap(), count);
}

#[test]
fn edits_of_many_readers_at_once_are_all_kept_and_a_case_comes_with_the_end_of_its_log() {
    let own = folder();
    let store = own.path();
    let server = Server::start(store, &[]);
    let id = with_case(&server);
    let edits = format!("/api/v1/cases/{id}/edits");
    let (readers, each) = (12, 6);
    std::thread::scope(|scope| {
        for reader in 0..readers {
            let (server, edits) = (&server, &edits);
            scope.spawn(move || {
                for turn in 0..each {
                    let edit = json!({ "kind": "title", "title": format!("{reader} {turn}") });
                    assert_eq!(server.post(edits, &edit).status, 201);
                }
            });
        }
    });
    // confirmed is on disk
    server.kill();

    let server = Server::start(store, &[]);
    let case = server.get(&format!("/api/v1/cases/{id}"));
    let whole = server.get(&edits);
    let whole = whole.as_array().unwrap();
    assert_eq!(case["edit_count"], json!(readers * each));
    assert_eq!(whole.len(), readers * each);
    assert_eq!(case["edits"].as_array().unwrap(), &whole[whole.len() - 50..]);
    let titles = whole.iter().map(|edit| edit["body"]["title"].as_str().unwrap()).collect::<Vec<_>>();
    for reader in 0..readers {
        let own = titles.iter().filter(|title| title.starts_with(&format!("{reader} ")));
        assert_eq!(
            own.copied().collect::<Vec<_>>(),
            (0..each).map(|turn| format!("{reader} {turn}")).collect::<Vec<_>>()
        );
    }
    assert_eq!(case["title"], whole.last().unwrap()["body"]["title"]);
    assert_eq!(case["undoable"], whole.last().unwrap()["number"]);
}

#[test]
fn hostile_uploads_are_refused_or_left_out_by_name() {
    let own = folder();
    let store = own.path();
    let server = Server::start(store, &["--upload-bytes", "4000000"]);
    let outside = store.parent().unwrap().join("apatite-escaped.toml");
    let check = |name: &str, bytes: &[u8], status: u16, said: &str| {
        let answer = server.upload(&[(name, bytes)]);
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{name}: {told}");
        assert!(told.contains(said), "{name}: {told}");
    };
    check("notes.txt", b"hello", 200, "not readable as DICOM");
    check("case.json", b"{\"patient\": ", 200, "not readable as json");
    check("truth.json", b"{}", 200, "no case");
    check("archive.zip", b"PK\x03\x04damaged", 200, "not readable as a zip archive");
    check("traversal.zip", &zip(&[("../../apatite-escaped.toml", &case_file())]), 200, "\"cases\":[\"");
    assert!(!outside.exists());
    check("bomb.zip", &zip(&[("bomb.dcm", &vec![0; 8_000_000])]), 413, "unpacks to more than");
    check("large.dcm", &vec![1; 5_000_000], 413, "more than 4000000 bytes");
    // nothing of what was refused stays behind
    assert_eq!(std::fs::read_dir(store.join("incoming")).unwrap().count(), 0);
}

#[test]
fn requests_of_other_hosts_and_origins_are_refused() {
    let own = folder();
    let store = own.path();
    let server = Server::start(store, &[]);
    let check = |method: &str, headers: &[(&str, &str)], status: u16| {
        let mut headers = headers.to_vec();
        headers.push(("Content-Type", "application/json"));
        assert_eq!(server.ask(method, "/api/v1/cases", &headers, b"").status, status, "{headers:?}");
    };
    check("GET", &[], 200);
    check("GET", &[("Host", "evil.example")], 403);
    check("POST", &[("Origin", "http://evil.example")], 403);
    let page = server.ask("GET", "/", &[], b"");
    assert!(page.head.contains("content-security-policy: default-src 'none'"));
    let escaped = server.ask("GET", "/../../etc/passwd", &[], b"");
    assert_eq!(escaped.status, 404);
    let text = String::from_utf8(server.ask("GET", "/metrics", &[], b"").body).unwrap();
    assert!(text.contains("apatite_requests_total"));
}

#[test]
fn other_addresses_need_tls_and_tokens() {
    let own = folder();
    let store = own.path();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_apatite"))
            .args(["serve", "--store"])
            .arg(store)
            .args(arguments)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout),
        )
    };
    let (code, said) = run(&["--address", "0.0.0.0:0"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("--tls-certificate"), "{said}");
    let (code, token) = run(&["--give-token", "ward", "--role", "reader"]);
    assert_eq!((code, token.trim().len()), (Some(0), 64));
    // the token itself is nowhere in the store
    let database = std::fs::read(store.join("apatite.sqlite")).unwrap();
    assert!(!database.windows(64).any(|window| window == token.trim().as_bytes()));
    assert_eq!(run(&["--take-token", "ward"]).0, Some(0));
    assert_eq!(run(&["--take-token", "ward"]).0, Some(1));
}

#[test]
fn with_a_provider_nobody_is_let_in_unasked() {
    let own = folder();
    let store = own.path();
    let file = store.join("openid.toml");
    let configure = |secret: &str| {
        // nothing answers at this port
        let told = format!(
            "issuer = \"https://127.0.0.1:1/\"\nclient_id = \"apatite\"\n{secret}\n\
             address = \"https://apatite.example/\"\nclaim = \"groups\"\n[roles]\nreader = [\"radiology\"]\n"
        );
        std::fs::write(&file, told).unwrap();
    };
    configure("client_secret_env = \"APATITE_TEST_IS_NOT_SET\"");
    let output = Command::new(env!("CARGO_BIN_EXE_apatite"))
        .args(["serve", "--address", "127.0.0.1:0", "--store"])
        .args([store, Path::new("--openid"), &file])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("APATITE_TEST_IS_NOT_SET"));

    configure("");
    let server = Server::start(store, &["--openid", file.to_str().unwrap()]);
    // as a proxy hands it on
    let proxied = [("Host", "apatite.example"), ("Accept", "text/html")];
    let cases = server.ask("GET", "/api/v1/cases", &proxied, b"");
    assert_eq!((cases.status, &cases.json()["login"]), (401, &json!("/login")));
    assert_eq!(server.post("/api/v1/uploads", &json!({})).status, 401);
    let page = server.ask("GET", "/", &proxied, b"");
    assert!(page.status == 303 && page.head.contains("location: /login"), "{}", page.head);
    assert_eq!(server.ask("GET", "/login", &[], b"").status, 502);
    let told = server.ask("GET", "/login", &proxied, b"");
    assert!(told.head.contains("location: /index.html?login=provider"), "{}", told.head);
    assert_eq!(server.ask("GET", "/login/callback?code=a&state=b", &[], b"").status, 400);
    assert_eq!(server.ask("GET", "/health", &proxied, b"").status, 200);
}

#[test]
fn a_second_server_on_one_store_is_refused() {
    let own = folder();
    let store = own.path();
    let _first = Server::start(store, &[]);
    let second = Command::new(env!("CARGO_BIN_EXE_apatite"))
        .args(["serve", "--address", "127.0.0.1:0", "--store"])
        .arg(store)
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"));
}

#[test]
fn an_analysis_survives_a_restart() {
    let own = folder();
    let store = own.path();
    let files = phantom();
    let server = Server::start(store, &[]);
    let files = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>();
    let taken = server.upload(&files).json();
    assert_eq!(taken["left_out"], json!([]));
    let id = taken["cases"][0].as_str().unwrap().to_owned();
    // most likely in the middle of the work; where it is done already the store must hold the result all the same
    server.kill();

    let server = Server::start(store, &[]);
    await_analysis(&server);
    let case = server.get(&format!("/api/v1/cases/{id}"));
    let study = &case["studies"][0];
    let size = study["analysis"]["labels"]["size"].as_array().unwrap();
    let voxels: u64 = size.iter().map(|length| length.as_u64().unwrap()).product();
    let lesions = study["analysis"]["lesions"].as_array().unwrap();
    assert!(!lesions.is_empty());
    let uid = study["uid"].as_str().unwrap();
    let labels = server.ask("GET", &format!("/api/v1/studies/{uid}/labels"), &[], b"");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(labels.body.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked.len() as u64, 2 * voxels);
    // a rejected lesion no longer counts, and the findings follow
    let before = server.get(&format!("/api/v1/cases/{id}/differential"));
    for lesion in lesions {
        let reject = json!({ "kind": "lesion", "study": uid, "lesion": lesion["id"], "verdict": "rejected" });
        assert_eq!(server.post(&format!("/api/v1/cases/{id}/edits"), &reject).status, 201);
    }
    let case = server.get(&format!("/api/v1/cases/{id}"));
    let findings = case["studies"][0]["analysis"]["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["id"] == "no_calcification"));
    assert_ne!(
        before["differential"],
        server.get(&format!("/api/v1/cases/{id}/differential"))["differential"]
    );
}

#[test]
fn a_later_study_is_taken_into_the_case_and_what_changed_is_told() {
    use apatite_phantom::{Options, Visit, make};
    let own = folder();
    let store = own.path();
    let size = Some([120, 120, 90]);
    let later = Visit { growth: 0.5, turned_degrees: 6.0, shifted_mm: 4.0, weeks: 8, ..Visit::again(2) };
    let made =
        |seed, visit| make("calcified_tophus", &Options { seed, size, visit, ..Options::default() }).unwrap();
    let first = made(2, None);
    let stranger =
        (3..).map(|seed| made(seed, None)).find(|phantom| phantom.case.sex != first.case.sex).unwrap();
    let phantoms = [("january", first), ("march", made(2, Some(later))), ("stranger", stranger)];
    let folders = phantoms.map(|(name, phantom)| {
        let path = store.join("input").join(name);
        std::fs::create_dir_all(&path).unwrap();
        phantom.write_dicom(&path).unwrap();
        path
    });
    let server = Server::start(store, &[]);
    let cases = folders.map(|folder| {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = files.map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap())
        });
        let files = files.collect::<Vec<_>>();
        let files = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>();
        server.upload(&files).json()["cases"][0].as_str().unwrap().to_owned()
    });
    await_analysis(&server);
    let [id, after, stranger] = cases.map(|id| (server.get(&format!("/api/v1/cases/{id}")), id));
    let uid = |(case, _): &(Value, String)| case["studies"][0]["uid"].as_str().unwrap().to_owned();
    let (later, other) = (uid(&after), uid(&stranger));
    let (first, id) = (uid(&id), id.1);
    let others = server.get(&format!("/api/v1/cases/{id}/other-studies"));
    assert_eq!(
        others.as_array().unwrap().iter().map(|study| &study["uid"]).collect::<Vec<_>>(),
        [&json!(later)]
    );
    let changes = format!("/api/v1/cases/{id}/changes");
    assert_eq!(server.ask("GET", &changes, &[], b"").status, 400, "one study has not changed");

    let edits = format!("/api/v1/cases/{id}/edits");
    let take =
        |study: &str| server.post(&edits, &json!({ "kind": "study", "study": study, "belongs": true }));
    assert_eq!(take("1.2.3").status, 404);
    let refused = take(&other);
    assert_eq!(refused.status, 400, "{}", refused.json());
    let listed = || server.get("/api/v1/cases").as_array().unwrap().len();
    let all = listed();
    let taken = take(&later).json()["case"].clone();
    assert_eq!(listed(), all - 1, "the case that came with the study alone is no longer shown");
    assert_eq!(taken["studies"].as_array().unwrap().len(), 2);
    assert_eq!(server.get(&format!("/api/v1/cases/{id}/other-studies")), json!([]));

    let told = server.get(&changes);
    assert_eq!(
        (&told["earlier"], &told["later"], &told["days"]),
        (&json!(first), &json!(later), &json!(56.0))
    );
    let pairs = told["lesions"].as_array().unwrap();
    assert!(!pairs.is_empty());
    assert_eq!(told["burden"]["verdict"], "increased", "{told}");
    assert_eq!(told, server.get(&changes), "what is kept is what was computed");
    let italian = server.get(&format!("{changes}?lang=it"));
    assert_eq!(italian["burden"]["verdict_name"], "aumento");
    let report = server.ask("GET", &format!("/api/v1/cases/{id}/report?format=html"), &[], b"");
    let report = String::from_utf8(report.body).unwrap();
    assert!(report.contains("56 days") && report.contains("increased"), "{report}");
    let dictated = server.ask("GET", &format!("/api/v1/cases/{id}/report?format=text"), &[], b"");
    let dictated = String::from_utf8(dictated.body).unwrap();
    assert!(
        dictated.contains("COMPARISON WITH THE EARLIER STUDY") && dictated.contains("increased"),
        "{dictated}"
    );

    // a lesion that the reader rejects in the later study is in no pair
    let pair = pairs.iter().find(|pair| pair["outcome"] == "matched").unwrap();
    let rejected = &pair["later"][0];
    let reject = json!({ "kind": "lesion", "study": later, "lesion": rejected, "verdict": "rejected" });
    assert_eq!(server.post(&edits, &reject).status, 201);
    let without = server.get(&changes);
    let mut later_ids =
        without["lesions"].as_array().unwrap().iter().flat_map(|pair| pair["later"].as_array().unwrap());
    assert!(later_ids.all(|id| id != rejected), "{without}");

    // taking the study in can be undone
    let log = server.get(&edits);
    assert_eq!(server.post(&edits, &json!({ "kind": "undo", "edit": log[0]["number"] })).status, 201);
    assert_eq!(server.get(&format!("/api/v1/cases/{id}"))["studies"].as_array().unwrap().len(), 1);
    assert_eq!(listed(), all);
    drop(server);
}

#[test]
fn lesions_are_drawn_and_the_figures_follow() {
    let own = folder();
    let store = own.path();
    let server = Server::start(store, &[]);
    let files = phantom();
    let files = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>();
    let id = server.upload(&files).json()["cases"][0].as_str().unwrap().to_owned();
    await_analysis(&server);
    let before = server.get(&format!("/api/v1/cases/{id}"));
    let uid = before["studies"][0]["uid"].as_str().unwrap().to_owned();
    let edits = format!("/api/v1/cases/{id}/edits");
    let draw = |drawing: Value| {
        server.post(&edits, &json!({ "kind": "lesion_drawing", "study": uid, "drawing": drawing }))
    };
    let labels = |server: &Server| {
        let packed = server.ask("GET", &format!("/api/v1/cases/{id}/studies/{uid}/labels"), &[], b"");
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut bytes).unwrap();
        bytes.chunks(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect::<Vec<_>>()
    };
    let count = |labels: &[u16], lesion: u16| labels.iter().filter(|label| **label == lesion).count();
    let lesion = |case: &Value, id: u64| {
        let lesions = case["studies"][0]["analysis"]["lesions"].as_array().unwrap();
        lesions.iter().find(|lesion| lesion["id"] == id).cloned()
    };
    let found = labels(&server);
    let first = lesion(&before, 1).unwrap();
    let voxel_mm3 = {
        let spacing = before["studies"][0]["analysis"]["series"]["spacing_mm"].as_array().unwrap();
        spacing.iter().map(|step| step.as_f64().unwrap()).product::<f64>()
    };
    let next = u64::from(*found.iter().max().unwrap()) + 1;

    // cut through its middle: two of the voxels of one, each as large as its voxels
    let plane = json!({ "point_mm": first["centre_mm"], "normal": [1.0, 0.0, 0.0] });
    let answer = draw(json!({ "act": "split", "lesion": 1, "plane": plane }));
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let cut = answer.json()["case"].clone();
    assert_eq!(cut["edits"][0]["body"]["ids"], json!([next, next]));
    assert!(cut["edits"][0]["who"].is_string());
    let after = labels(&server);
    let halves = [count(&after, 1), count(&after, next as u16)];
    assert_eq!(halves.iter().sum::<usize>(), count(&found, 1));
    for (id, voxels) in [1, next].into_iter().zip(halves) {
        let lesion = lesion(&cut, id).unwrap();
        assert!((lesion["volume_mm3"].as_f64().unwrap() - voxels as f64 * voxel_mm3).abs() < 0.01);
        assert_eq!(lesion["decided_by"], "drawn by the reader");
    }
    // other systems get both halves too
    let export = |query: &str| {
        let answer = server.ask("GET", &format!("/api/v1/cases/{id}/export?{query}&lang=it"), &[], b"");
        assert_eq!(answer.status, 200, "{query}: {}", String::from_utf8_lossy(&answer.body));
        answer
    };
    for (query, begins) in [("format=sr", 128), ("format=seg", 128), ("format=rtstruct", 128)] {
        assert_eq!(export(query).body.get(begins..begins + 4), Some(b"DICM".as_slice()), "{query}");
    }
    let bundle = export("format=fhir").json();
    assert_eq!(bundle["resourceType"], "Bundle");
    let rows = String::from_utf8(export("format=jsonl&table=lesions").body).unwrap();
    let rows = rows.lines().map(|row| serde_json::from_str::<Value>(row).unwrap()).collect::<Vec<_>>();
    assert!([1, next].iter().all(|id| rows.iter().any(|row| row["lesion"] == *id)), "{rows:?}");
    assert!(export("format=csv").body.starts_with(b"case,"));
    assert!(export("format=parquet").body.starts_with(b"PAR1"));
    assert!(export("format=phenopacket").json()["id"].is_string());
    // the report has the pictures of both halves, and of one that is rejected no longer
    let report = |server: &Server| {
        let report = server.ask("GET", &format!("/api/v1/cases/{id}/report"), &[], b"");
        String::from_utf8(report.body).unwrap()
    };
    let caption = |id: u64| format!("Lesion {id}, axial section");
    let shown = report(&server);
    assert!(shown.contains("src=\"data:image/png;base64,"));
    assert!([1, next].iter().all(|id| shown.contains(&caption(*id))));
    let reject = json!({ "kind": "lesion", "study": uid, "lesion": next, "verdict": "rejected" });
    let rejected = server.post(&edits, &reject).json()["case"]["edits"][1]["number"].clone();
    let shown = report(&server);
    assert!(shown.contains(&caption(1)) && !shown.contains(&caption(next)));
    assert_eq!(server.post(&edits, &json!({ "kind": "undo", "edit": rejected })).status, 201);

    // merged again, they are the voxels of before
    let merged = draw(json!({ "act": "merge", "lesions": [1, next] })).json()["case"].clone();
    assert_eq!(labels(&server), found);
    assert!(lesion(&merged, next).is_none());

    // erased whole, and grown again from its densest part
    let size = before["studies"][0]["analysis"]["labels"]["size"].as_array().unwrap();
    let [columns, rows] = [0, 1].map(|axis| size[axis].as_u64().unwrap() as usize);
    let runs = found.iter().enumerate().filter(|(_, label)| **label == 1).map(|(at, _)| {
        let (column, row) = (at % columns, at / columns);
        json!([row / rows, row % rows, column, column + 1])
    });
    let runs = runs.collect::<Vec<_>>();
    let erased = draw(json!({ "act": "erase", "voxels": runs })).json()["case"].clone();
    assert!(lesion(&erased, 1).is_none());
    let painted = draw(json!({ "act": "paint", "voxels": runs })).json()["case"].clone();
    let new = painted["edits"].as_array().unwrap().last().unwrap()["body"]["ids"][0].as_u64().unwrap();
    assert!(new > next, "an id is never given twice");
    let again = lesion(&painted, new).unwrap();
    assert!((again["max_hu"].as_f64().unwrap() - first["max_hu"].as_f64().unwrap()).abs() < 1.0);
    let undo = |case: &Value| {
        let last = case["edits"].as_array().unwrap().iter().rev();
        let last =
            last.into_iter().find(|edit| edit["holds"] == true && edit["body"]["kind"] != "undo").unwrap();
        server.post(&edits, &json!({ "kind": "undo", "edit": last["number"] })).json()["case"].clone()
    };
    let back = undo(&painted);
    assert!(lesion(&back, new).is_none());
    let grid = &before["studies"][0]["analysis"]["labels"];
    // the middle voxel of the lesion in the order of the grid
    let voxels = (0..found.len()).filter(|at| found[*at] == 1).collect::<Vec<_>>();
    let at = voxels[voxels.len() / 2];
    let voxel = [at % columns, at / columns % rows, at / columns / rows];
    let number = |value: &Value| value.as_f64().unwrap();
    let inside: [f64; 3] = std::array::from_fn(|k| {
        let steps = (0..3).map(|axis| voxel[axis] as f64 * number(&grid["steps_mm"][axis][k])).sum::<f64>();
        number(&grid["origin_mm"][k]) + steps
    });
    let grown = draw(json!({ "act": "add", "at_mm": inside }));
    assert_eq!(grown.status, 201, "{}", String::from_utf8_lossy(&grown.body));
    let grown = grown.json()["case"].clone();
    let id_grown =
        grown["edits"].as_array().unwrap().last().unwrap()["body"]["ids"][0].as_u64().unwrap() as u16;
    let labels_grown = labels(&server);
    let both = found.iter().zip(&labels_grown).filter(|(a, b)| **a == 1 && **b == id_grown).count();
    assert!(2 * both > count(&labels_grown, id_grown), "what is grown is mostly the lesion that was found");

    // what cannot be drawn is refused and not kept
    let kept = grown["edits"].as_array().unwrap().len();
    for (drawing, status) in [
        (json!({ "act": "split", "lesion": 999 }), 400),
        (json!({ "act": "merge", "lesions": [id_grown] }), 400),
        (json!({ "act": "erase", "voxels": [[99999, 0, 0, 1]] }), 400),
        (json!({ "act": "add", "at_mm": [1e6, 0.0, 0.0] }), 400),
        (json!({ "act": "conjure" }), 422),
    ] {
        assert_eq!(draw(drawing.clone()).status, status, "{drawing}");
    }
    assert_eq!(server.get(&format!("/api/v1/cases/{id}"))["edits"].as_array().unwrap().len(), kept);

    // over a kill everything is as it was; with all undone, as it came
    server.kill();
    let server = Server::start(store, &[]);
    assert_eq!(labels(&server), labels_grown);
    let case = server.get(&format!("/api/v1/cases/{id}"));
    assert_eq!(case["studies"], grown["studies"]);
    for edit in case["edits"].as_array().unwrap() {
        if edit["holds"] == true && edit["body"]["kind"] != "undo" {
            server.post(&edits, &json!({ "kind": "undo", "edit": edit["number"] }));
        }
    }
    assert_eq!(labels(&server), found);
    let case = server.get(&format!("/api/v1/cases/{id}"));
    assert_eq!(case["studies"][0]["analysis"], before["studies"][0]["analysis"]);
}

#[test]
fn what_was_judged_and_drawn_stays_in_its_place_when_more_of_a_study_comes() {
    let own = folder();
    let server = Server::start(own.path(), &[]);
    let mut files = phantom();
    files.sort();
    let files = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>();
    // the case file first, then the slices: six at one end and two at the other come later
    let (early, late) = {
        let last = files.len() - 3;
        let numbered = files.iter().copied().enumerate();
        let (late, early): (Vec<_>, Vec<_>) = numbered.partition(|(at, _)| (1..7).contains(at) || *at > last);
        let unnumbered = |part: Vec<(usize, _)>| part.into_iter().map(|(_, file)| file).collect::<Vec<_>>();
        (unnumbered(early), unnumbered(late))
    };
    let id = server.upload(&early).json()["cases"][0].as_str().unwrap().to_owned();
    await_analysis(&server);
    let case = server.get(&format!("/api/v1/cases/{id}"));
    let uid = case["studies"][0]["uid"].as_str().unwrap().to_owned();
    let edits = format!("/api/v1/cases/{id}/edits");
    let lesions = |case: &Value| case["studies"][0]["analysis"]["lesions"].as_array().unwrap().clone();
    let judged = lesions(&case)[0].clone();
    let reject = json!({ "kind": "lesion", "study": uid, "lesion": judged["id"], "verdict": "rejected" });
    let unknown = json!({ "kind": "lesion_kind", "study": uid, "lesion": 999, "is": "vascular" });
    assert_eq!(server.post(&edits, &unknown).status, 404);
    assert_eq!(server.post(&edits, &reject).status, 201);
    let runs =
        (10..14).flat_map(|slice| (20..26).map(move |row| json!([slice, row, 30, 36]))).collect::<Vec<_>>();
    let paint = json!({ "act": "paint", "voxels": runs });
    let drawn = server
        .post(&edits, &json!({ "kind": "lesion_drawing", "study": uid, "drawing": paint }))
        .json()["case"]
        .clone();
    let stroke = drawn["edits"].as_array().unwrap().last().unwrap()["body"].clone();
    let made = stroke["ids"][0].clone();
    assert_eq!(stroke["drawing"]["voxels"], json!([]), "every answer is not to carry them");
    assert_eq!(server.get(&edits)[1]["body"]["drawing"]["voxels"], json!(runs));
    let with =
        |case: &Value, id: &Value| lesions(case).into_iter().find(|lesion| lesion["id"] == *id).unwrap();

    server.upload(&late);
    await_analysis(&server);
    let whole = server.get(&format!("/api/v1/cases/{id}"));
    let slices = |case: &Value| case["studies"][0]["analysis"]["labels"]["size"][2].as_u64().unwrap();
    assert_eq!(slices(&whole), slices(&case) + late.len() as u64);
    let origin = |case: &Value| case["studies"][0]["analysis"]["labels"]["origin_mm"].clone();
    assert_ne!(origin(&whole), origin(&case), "the grid begins elsewhere");
    let apart = |a: &Value, b: &Value| {
        let at = |lesion: &Value, k: usize| lesion["centre_mm"][k].as_f64().unwrap();
        (0..3).map(|k| (at(a, k) - at(b, k)).powi(2)).sum::<f64>().sqrt()
    };
    let kept = with(&whole, &judged["id"]);
    assert_eq!(kept["verdict"], "rejected");
    assert!(apart(&kept, &judged) < 1.0, "{kept} {judged}");
    let (before, after) = (with(&drawn, &made), with(&whole, &made));
    assert!(apart(&before, &after) < 0.01, "{before} {after}");
    assert_eq!(before["voxels"], after["voxels"]);
    let rest = lesions(&whole).iter().filter(|lesion| lesion["verdict"] == "rejected").count();
    assert_eq!(rest, 1);
    // nothing more has come: nothing is analysed again
    let jobs = server.get("/api/v1/jobs").as_array().unwrap().len();
    server.upload(&late);
    assert_eq!(server.get("/api/v1/jobs").as_array().unwrap().len(), jobs);
}

#[test]
fn a_study_sent_instance_by_instance_is_analysed_when_it_is_whole() {
    let own = folder();
    let server = Server::start(own.path(), &[]);
    let slices = phantom().into_iter().filter(|(name, _)| name.starts_with("ct/")).collect::<Vec<_>>();
    for (_, slice) in &slices {
        let mut body = b"--cut\r\nContent-Type: application/dicom\r\n\r\n".to_vec();
        body.extend_from_slice(slice);
        body.extend_from_slice(b"\r\n--cut--\r\n");
        let kind = "multipart/related; type=\"application/dicom\"; boundary=cut";
        let stored = server.ask("POST", "/dicomweb/studies", &[("Content-Type", kind)], &body);
        assert_eq!(stored.status, 200, "{}", String::from_utf8_lossy(&stored.body));
    }
    await_analysis(&server);
    let jobs = server.get("/api/v1/jobs").as_array().unwrap().len();
    assert!(jobs < slices.len() / 4, "{jobs}: about one, not one for every instance");
    let id = server.get("/api/v1/cases")[0]["id"].as_str().unwrap().to_owned();
    let case = server.get(&format!("/api/v1/cases/{id}"));
    assert_eq!(case["studies"][0]["analysis"]["labels"]["size"][2], slices.len());
}

/// The files of a phantom with its case, by name.
fn phantom() -> Vec<(String, Vec<u8>)> {
    static MADE: std::sync::OnceLock<Vec<(String, Vec<u8>)>> = std::sync::OnceLock::new();
    MADE.get_or_init(|| {
        let own = folder();
        let phantom = own.path();
        let made = Command::new(env!("CARGO_BIN_EXE_apatite"))
            .args(["phantom", "calcified_tophus", "--out"])
            .arg(phantom)
            .output()
            .unwrap();
        assert!(made.status.success());
        let mut files = vec![("case.toml".to_owned(), std::fs::read(phantom.join("case.toml")).unwrap())];
        for slice in std::fs::read_dir(phantom.join("ct")).unwrap() {
            let path = slice.unwrap().path();
            let name = format!("ct/{}", path.file_name().unwrap().to_string_lossy());
            files.push((name, std::fs::read(path).unwrap()));
        }
        files
    })
    .clone()
}

/// Waits for the one job of a server.
fn await_analysis(server: &Server) {
    let mut state = String::new();
    for _ in 0..600 {
        state = server.get("/api/v1/jobs")[0]["state"].as_str().unwrap().to_owned();
        if state == "done" || state == "failed" {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(state, "done");
}

/// A zip archive of files.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut archive = zip::ZipWriter::new(&mut bytes);
    for (name, content) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap();
    bytes.into_inner()
}
