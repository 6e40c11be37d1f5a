//! Writing JSON text directly: the simulator decides field order and spelling itself, byte for byte.

/// A JSON object under construction.
#[derive(Debug, Clone)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self(String::from("{"))
    }

    /// A field whose value is a string.
    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        push_text(&mut self.0, value);
        self
    }

    /// A field whose value is already JSON.
    pub(crate) fn raw(mut self, name: &str, json: &str) -> Self {
        self.name(name);
        self.0.push_str(json);
        self
    }

    /// A field whose value is `true` or `false`.
    pub(crate) fn flag(self, name: &str, value: bool) -> Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    /// A field whose value is a whole number.
    pub(crate) fn number(self, name: &str, value: i64) -> Self {
        self.raw(name, &value.to_string())
    }

    /// A field whose value is a list of strings.
    pub(crate) fn list<T: AsRef<str>>(self, name: &str, values: &[T]) -> Self {
        let items: Vec<String> = values.iter().map(|value| quoted(value.as_ref())).collect();
        self.raw(name, &array(&items))
    }

    /// The finished object.
    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_text(&mut self.0, name);
        self.0.push(':');
    }
}

/// A list of values that are already JSON.
pub(crate) fn array(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

/// A JSON string.
pub(crate) fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    push_text(&mut out, value);
    out
}

/// Appends a JSON string.
pub(crate) fn push_text(out: &mut String, value: &str) {
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => {
                out.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::{Object, quoted};

    #[test]
    fn escapes_read_back() {
        let nasty = "a\"b\\c\nd\te\u{1}\u{e9}";
        let read: String = serde_json::from_str(&quoted(nasty)).unwrap();
        assert_eq!(read, nasty);
    }

    #[test]
    fn an_object_keeps_the_order_it_was_given() {
        let text = Object::new()
            .text("b", "x")
            .flag("a", true)
            .number("c", -3)
            .list("d", &["e", "f"])
            .finish();
        assert_eq!(text, r#"{"b":"x","a":true,"c":-3,"d":["e","f"]}"#);
    }
}
