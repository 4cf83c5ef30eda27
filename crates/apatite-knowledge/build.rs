//! The knowledge folder is embedded by a macro that cargo cannot see through: say what it reads.

fn main() {
    println!("cargo:rerun-if-changed=../../knowledge");
}
