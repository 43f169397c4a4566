package malloc4j.cli.replay;

import java.util.Locale;
import malloc4j.cli.Choice;

/// What a replay writes into a block that it was given.
enum Touch {
    /// The first word (the first byte of a block below 8 bytes): the least a program does with memory.
    FIRST,
    /// Every byte.
    ALL;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// From the command line.
    static final class Converter extends Choice<Touch> {
        Converter() {
            super(Touch.class);
        }
    }
}
