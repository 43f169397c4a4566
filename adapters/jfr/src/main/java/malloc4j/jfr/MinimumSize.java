package malloc4j.jfr;

import java.util.Locale;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jdk.jfr.Description;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.SettingControl;

/// A setting of events: a size below which they are not recorded, as Flight Recorder writes sizes: `64 kB`, `1 MB`, and
/// without a unit bytes. Of several recordings the smallest counts.
///
/// Concurrency: set by Flight Recorder, read by whoever has an event.
///
/// @since 0.1.0
@Name("malloc4j.MinimumSize")
@Label("Minimum Size")
@Description("A size below which events are not recorded")
public final class MinimumSize extends SettingControl {
    private static final String NONE = "0 B";
    private static final Pattern SIZE = Pattern.compile("(\\d{1,12})\\s*([kmg]?)(i?b|bytes)?");

    private volatile String text = NONE;
    private volatile long bytes;

    /// For Flight Recorder.
    public MinimumSize() {}

    long bytes() {
        return bytes;
    }

    @Override
    public String combine(Set<String> values) {
        String smallest = null;
        for (String value : values) {
            OptionalLong parsed = parse(value);
            if (parsed.isPresent()
                    && (smallest == null || parsed.getAsLong() < parse(smallest).orElse(0))) {
                smallest = value;
            }
        }
        return smallest == null ? NONE : smallest;
    }

    @Override
    public void setValue(String value) {
        parse(value).ifPresent(parsed -> {
            text = value;
            bytes = parsed;
        });
    }

    @Override
    public String getValue() {
        return text;
    }

    /// Empty for what is no size.
    static OptionalLong parse(String value) {
        Matcher matcher = SIZE.matcher(value.strip().toLowerCase(Locale.ROOT));
        if (!matcher.matches()) {
            return OptionalLong.empty();
        }
        int shift =
                switch (matcher.group(2)) {
                    case "k" -> 10;
                    case "m" -> 20;
                    case "g" -> 30;
                    default -> 0;
                };
        return OptionalLong.of(Long.parseLong(matcher.group(1)) << shift);
    }
}
