//! Text from outside and times as the page shows them. The templates escape text for HTML.

use std::fmt::Write as _;

/// Replaces characters that are invisible, or that change the direction of text, with escapes.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if is_hidden(char) {
            // Writing to a string does not fail.
            let _ = write!(shown, "{}", char.escape_unicode());
        } else {
            shown.push(char);
        }
    }
    shown
}

/// Whether a character is a control character, or one that sets a direction, joins, or has no width.
fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(char, '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
        || matches!(char, '\u{e0000}'..='\u{e007f}')
}

/// Returns a command line that a shell would split into the same words.
pub(super) fn command_line(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || "-_./:=,@%+".contains(char);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Formats a period between two times in RFC 3339 and UTC, to the second. Other text stays unchanged.
pub(super) fn period(start: &str, end: &str) -> String {
    match (instant(start), instant(end)) {
        (Some((date, from)), Some((last, to))) if date == last => {
            format!("{date} {from} to {to} UTC")
        }
        (Some((first, from)), Some((last, to))) => format!("{first} {from} to {last} {to} UTC"),
        _ => format!("{start} to {end}"),
    }
}

/// Formats the beginning of a period in the same way.
pub(super) fn since(start: &str) -> String {
    match instant(start) {
        Some((date, from)) => format!("from {date} {from} UTC"),
        None => format!("from {start}"),
    }
}

/// Splits a time into date and time of day.
fn instant(text: &str) -> Option<(&str, &str)> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let is_made_of = |part: &str, mark| part.bytes().all(|b| b.is_ascii_digit() || b == mark);
    let time = time.get(..8).filter(|time| is_made_of(time, b':'))?;
    (date.len() == 10 && is_made_of(date, b'-')).then_some((date, time))
}

/// Formats seconds since the load began.
pub(super) fn moment(seconds: f64) -> String {
    // This minus sign is as wide as a digit.
    format!("{seconds:.3} s").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_invisible_is_shown() {
        for (text, wanted) in [
            ("hällo <b>", "hällo <b>"),
            ("a\u{202e}b", r"a\u{202e}b"),
            ("a\nb\0", r"a\u{a}b\u{0}"),
            ("\u{200b}", r"\u{200b}"),
        ] {
            assert_eq!(visible(text), wanted);
        }
    }

    #[test]
    fn commands_are_quoted_where_a_shell_needs_it() {
        let words = ["loadtest", "--slo", "p99<2ms", "", "it's"].map(str::to_owned);
        assert_eq!(command_line(&words), r"loadtest --slo 'p99<2ms' '' 'it'\''s'");
    }

    #[test]
    fn moments_are_short() {
        let start = "2026-11-24T23:59:55.123456789Z";
        for (end, wanted) in [
            ("2026-11-24T23:59:58.5Z", "2026-11-24 23:59:55 to 23:59:58 UTC"),
            ("2026-11-25T00:00:05Z", "2026-11-24 23:59:55 to 2026-11-25 00:00:05 UTC"),
            ("yesterday", "2026-11-24T23:59:55.123456789Z to yesterday"),
            ("ääääääTääääZ", "2026-11-24T23:59:55.123456789Z to ääääääTääääZ"),
        ] {
            assert_eq!(period(start, end), wanted);
        }
        assert_eq!(since(start), "from 2026-11-24 23:59:55 UTC");
        assert_eq!((moment(1.5), moment(-0.25)), ("1.500 s".to_owned(), "−0.250 s".to_owned()));
    }
}
