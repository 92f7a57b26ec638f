//! How the events of a thread's poll are told apart. A token is a seat's place and its generation, half
//! of the bits each.

use mio::Token;

/// The token of the thread's waker.
pub(super) const WAKER: Token = Token(usize::MAX - 1);

/// The token of the thread's alarm.
pub(super) const ALARM: Token = Token(usize::MAX - 2);

const GENERATION_SHIFT: u32 = usize::BITS / 2;
const PLACE_MASK: usize = usize::MAX >> GENERATION_SHIFT;

/// Maximum number of connections on one thread. The tokens of the waker and the alarm would be those of
/// later places.
pub(crate) const MAX_SEATS: usize = PLACE_MASK - 2;

/// Returns the token of a seat.
pub(super) fn join(place: usize, generation: usize) -> Token {
    debug_assert!(place < MAX_SEATS, "taken for the waker or the alarm");
    Token(place | (generation << GENERATION_SHIFT))
}

/// Returns the place and the generation of a seat's token.
pub(super) fn split(token: usize) -> (usize, usize) {
    (token & PLACE_MASK, token >> GENERATION_SHIFT)
}

/// Returns the generation that follows this one. It fits into a token.
pub(super) fn next_generation(generation: usize) -> usize {
    (generation + 1) & PLACE_MASK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_connection_is_taken_for_the_waker_or_the_alarm() {
        for place in [0, 1, MAX_SEATS - 1] {
            for generation in [0, 1, PLACE_MASK] {
                let token = join(place, generation);
                assert!(token != WAKER && token != ALARM, "{token:?}");
                assert_eq!(split(token.0), (place, generation));
            }
        }
        assert_eq!([MAX_SEATS, MAX_SEATS + 1], [ALARM.0 & PLACE_MASK, WAKER.0 & PLACE_MASK]);
    }
}
