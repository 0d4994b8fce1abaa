fn main() {
    println!("hello from rs");
}
