use super::world;
use crate::bindings::wasi::random::random::Host as _;
use crate::ports::RANDOM_MAX;
use crate::state::Meter;
use wasmtime::{Error, ResourceLimiter};

#[test]
fn memories_and_tables_share_one_limit() {
    let mut m = Meter::new(100_000);
    assert!(m.memory_growing(0, 65536, None).unwrap());
    assert!(m.table_growing(0, 1000, None).unwrap());
    assert!(!m.memory_growing(65536, 131_072, None).unwrap());
    assert!(m.refused);
    assert_eq!(m.peak, 65536 + 16000);
    assert!(!m.table_growing(1000, usize::MAX, None).unwrap());
}

#[test]
fn failing_growths_give_nothing_back() {
    let mut m = Meter::new(100_000);
    assert!(m.memory_growing(0, 65536, None).unwrap());
    for _ in 0..10 {
        m.memory_grow_failed(Error::msg("beyond the type")).unwrap();
        m.table_grow_failed(Error::msg("beyond the type")).unwrap();
    }
    assert!(!m.memory_growing(65536, 131_072, None).unwrap());
}

#[test]
fn a_growth_beyond_the_memorys_own_maximum_costs_nothing() {
    let mut m = Meter::new(100_000);
    assert!(!m.memory_growing(0, 65536, Some(65535)).unwrap());
    assert!(!m.refused);
    assert!(m.memory_growing(0, 65536, Some(65536)).unwrap());
}

#[test]
fn a_huge_random_request_traps() {
    let mut w = world();
    assert_eq!(w.state.get_random_bytes(16).unwrap(), [42; 16]);
    assert!(w.state.get_random_bytes(RANDOM_MAX + 1).is_err());
    assert!(w.state.get_random_bytes(u64::MAX).is_err());
}
