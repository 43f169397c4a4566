package malloc4j.observe;

import java.util.List;
import java.util.Locale;

/// Writes one JSON object, member by member: the core depends on no library that could.
///
/// @source [RFC 8259](https://www.rfc-editor.org/rfc/rfc8259)
final class JsonText {
    private static final int FIRST_PLAIN = 0x20;

    private final StringBuilder text = new StringBuilder("{");

    JsonText text(String name, String value) {
        return object(name, quoted(value));
    }

    JsonText number(String name, long value) {
        return object(name, Long.toString(value));
    }

    /// @param elements JSON texts
    JsonText array(String name, List<String> elements) {
        return object(name, "[" + String.join(", ", elements) + "]");
    }

    /// @param json a JSON text
    JsonText object(String name, String json) {
        if (text.length() > 1) {
            text.append(", ");
        }
        text.append(quoted(name)).append(": ").append(json);
        return this;
    }

    /// A string, with what must be escaped.
    static String quoted(String value) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int index = 0; index < value.length(); index++) {
            char letter = value.charAt(index);
            if (letter == '"' || letter == '\\') {
                quoted.append('\\').append(letter);
            } else if (letter < FIRST_PLAIN || Character.isSurrogate(letter)) {
                quoted.append(String.format(Locale.ROOT, "\\u%04x", (int) letter));
            } else {
                quoted.append(letter);
            }
        }
        return quoted.append('"').toString();
    }

    @Override
    public String toString() {
        return text + "}";
    }
}
