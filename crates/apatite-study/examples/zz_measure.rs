#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]
fn main() {
    let a: Vec<String> = std::env::args().skip(1).collect();
    let r = apatite_study::Request { paths: vec![a[1].clone().into()], ..Default::default() };
    let m = apatite_study::measure(&r, &|_, _| {}).unwrap();
    println!("{}", serde_json::json!({"lesions": m.analysis.lesions, "findings": m.analysis.findings}));
}
