//! Numbers, hours and titles as people write them.

pub(in crate::baseline) fn hours_in_words(hours: u32) -> String {
    let mut parts = Vec::new();
    let mut hour = 0;
    while hour < 24 {
        if hours >> hour & 1 == 0 {
            hour += 1;
            continue;
        }
        let start = hour;
        while hour < 24 && hours >> hour & 1 == 1 {
            hour += 1;
        }
        parts.push(format!("{start:02}–{hour:02}"));
    }
    if parts.is_empty() {
        "none".to_owned()
    } else {
        format!("{} UTC", parts.join(", "))
    }
}

pub(in crate::baseline) fn short_number(value: f64) -> String {
    if value >= 9.95 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

pub(super) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Two digits that count, since no rarity is known better.
pub(super) fn rounded(value: f64) -> f64 {
    if value < 10.0 {
        return (value * 10.0).round() / 10.0;
    }
    let unit = libm::exp10(libm::floor(libm::log10(value)) - 1.0).round();
    (value / unit).round() * unit
}

pub(super) fn grouped(value: f64) -> String {
    let value = rounded(value);
    if value < 10.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words() {
        assert_eq!(grouped(3.24), "3.2");
        assert_eq!(grouped(1_234_567.0), "1,200,000");
        assert_eq!(grouped(31.6), "32");
        assert_eq!(short_number(0.42), "0.4");
        assert_eq!(short_number(12.6), "13");
        assert_eq!(hours_in_words(0b1_1000_0111), "00–03, 07–09 UTC");
        assert_eq!(hours_in_words(0), "none");
    }
}
