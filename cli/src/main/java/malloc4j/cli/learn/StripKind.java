package malloc4j.cli.learn;

import java.util.Locale;

/// What a piece of a strip is, and so how it is drawn.
public enum StripKind {
    /// Blocks in use.
    LIVE('#', "#009e73"),
    /// Free memory that the process keeps: its pages are still there.
    FREE('o', "#e69f00"),
    /// Free addresses whose pages went back to the kernel.
    RETURNED('.', "#f2ead8"),
    /// Addresses without memory.
    RESERVED('.', "#dddddd"),
    /// What the program break has given.
    BREAK('=', "#cc79a7"),
    /// A mapping.
    MAPPING('M', "#56b4e9"),
    /// Text, data and bss of a program.
    PROGRAM('P', "#333333"),
    /// A shared library.
    LIBRARY('L', "#9ad0ee"),
    /// A stack.
    STACK('S', "#d55e00"),
    /// Pages of a file.
    FILE('F', "#0072b2"),
    /// The JVM's own.
    JVM('J', "#a08060");

    private final char letter;
    private final String colour;

    StripKind(char letter, String colour) {
        this.letter = letter;
        this.colour = colour;
    }

    /// What it is drawn of on a terminal.
    char letter() {
        return letter;
    }

    /// What it is filled with in a picture: Okabe and Ito's colours, told apart by people who do not see all.
    String colour() {
        return colour;
    }

    static StripKind named(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }

    /// The name in JSON.
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
