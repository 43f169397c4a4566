package malloc4j.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What `/proc/self` says of this process's memory.
public final class Maps {
    private static final Pattern LINE =
            Pattern.compile("([0-9a-f]+)-([0-9a-f]+) ([-rwxps]{4}) [0-9a-f]+ \\S+ \\d+ *(.*)");

    private Maps() {}

    /// One line of `/proc/self/maps`: `[start, end)`, permissions such as `rw-p`, and the name, empty for none.
    public record Mapping(long start, long end, String permissions, String name) {
        public boolean contains(long address) {
            return address >= start && address < end;
        }

        public boolean isWritable() {
            return permissions.charAt(1) == 'w';
        }

        public boolean isShared() {
            return permissions.charAt(3) == 's';
        }

        @Override
        public String toString() {
            return Long.toHexString(start) + "-" + Long.toHexString(end) + " " + permissions + " " + name;
        }
    }

    /// Every mapping, lowest first.
    public static List<Mapping> all() {
        return lines("/proc/self/maps").stream().map(Maps::parse).toList();
    }

    /// The mappings inside `[start, end)` that hold memory, or could: writable or shared ones.
    public static List<Mapping> usable(long start, long end) {
        return all().stream()
                .filter(mapping -> mapping.start() < end && mapping.end() > start)
                .filter(mapping -> mapping.isWritable() || mapping.isShared())
                .toList();
    }

    /// The mapping that `address` lies in.
    public static Mapping at(long address) {
        return all().stream()
                .filter(mapping -> mapping.contains(address))
                .findFirst()
                .orElseThrow(() -> new AssertionError("nothing is mapped at 0x" + Long.toHexString(address)));
    }

    /// Whether `address` lies in what the program break has given.
    public static boolean isInBreak(long address) {
        return at(address).name().equals("[heap]");
    }

    /// Whether `address` lies in a mapping.
    public static boolean isMapped(long address) {
        return all().stream().anyMatch(mapping -> mapping.contains(address));
    }

    /// The `VmFlags` of the mapping that `address` lies in, from smaps.
    public static List<String> flags(long address) {
        return List.of(smaps(address, "VmFlags").split(" ", -1));
    }

    /// A field of the mapping that `address` lies in, from smaps, in bytes, such as `Rss`.
    public static long smapsBytes(long address, String field) {
        return Long.parseLong(smaps(address, field).replace(" kB", "")) << 10;
    }

    private static String smaps(long address, String field) {
        boolean inside = false;
        for (String line : lines("/proc/self/smaps")) {
            if (LINE.matcher(line).matches()) {
                inside = parse(line).contains(address);
            } else if (inside && line.startsWith(field + ":")) {
                return line.substring(field.length() + 1).strip();
            }
        }
        throw new AssertionError("nothing is mapped at 0x" + Long.toHexString(address));
    }

    /// A field of `/proc/self/status` in bytes, such as `VmSize`.
    public static long statusBytes(String field) {
        for (String line : lines("/proc/self/status")) {
            if (line.startsWith(field + ":")) {
                String kib = line.substring(field.length() + 1).replace("kB", "");
                return Long.parseLong(kib.strip()) << 10;
            }
        }
        throw new AssertionError("no field " + field);
    }

    private static Mapping parse(String line) {
        Matcher matcher = LINE.matcher(line);
        if (!matcher.matches()) {
            throw new AssertionError("not a line of maps: " + line);
        }
        long start = Long.parseUnsignedLong(matcher.group(1), 16);
        long end = Long.parseUnsignedLong(matcher.group(2), 16);
        return new Mapping(start, end, matcher.group(3), matcher.group(4));
    }

    private static List<String> lines(String path) {
        try {
            return Files.readAllLines(Path.of(path));
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
    }
}
