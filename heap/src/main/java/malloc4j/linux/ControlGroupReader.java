package malloc4j.linux;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import malloc4j.internal.proc.SystemFiles;
import malloc4j.linux.MemoryLimits.ControlGroup;
import malloc4j.linux.MemoryLimits.Level;
import malloc4j.linux.MemoryLimits.Pressure;
import org.jspecify.annotations.Nullable;

/// Finds the control group that counts this process's memory, of either version, and reads the limits of it and of
/// every group above it.
///
/// ```
/// /proc/self/cgroup     4:memory:/docker/6f2a     version 1       0::/system.slice/app.service     version 2
/// /proc/self/mountinfo  root /docker/6f2a at /sys/fs/cgroup/memory: what lies below it can be seen here
///
///   group    /docker/6f2a/app                        mount root     /docker/6f2a
///   its directory: the mount point, and what the group's path has beyond the mount's root:  .../memory/app
///   levels:  .../memory/app  then  .../memory        above the mount point is out of sight
/// ```
///
/// Where both versions are mounted, memory is counted by the one that has the memory controller.
///
/// @source [cgroups(7)](https://man7.org/linux/man-pages/man7/cgroups.7.html);
///     [cgroup_namespaces(7)](https://man7.org/linux/man-pages/man7/cgroup_namespaces.7.html)
final class ControlGroupReader {
    private static final String GROUPS = "/proc/self/cgroup";
    private static final String MOUNTS = "/proc/self/mountinfo";
    private static final long NO_LIMIT_FROM = 1L << 62; // version 1 writes LONG_MAX rounded down to a page
    private static final Pattern ESCAPE = Pattern.compile("\\\\([0-7]{3})");

    private final SystemFiles files;
    private @Nullable Place place;
    private String whyNot = "";

    /// Where a group is.
    ///
    /// @param group its path in its hierarchy
    /// @param mountPoint the directory above which nothing can be seen
    /// @param directory of the group
    private record Place(int version, String group, String mountPoint, String directory) {}

    ControlGroupReader(SystemFiles files) {
        this.files = files;
        try {
            place = find();
        } catch (IOException unreadable) {
            whyNot = SystemFiles.reason(unreadable);
        }
    }

    Reading<ControlGroup> read() {
        Place found = place;
        if (found == null) {
            return Reading.unknown(whyNot);
        }
        List<Level> levels = new ArrayList<>();
        String directory = found.directory();
        boolean goesOn = true;
        while (goesOn) {
            levels.add(level(found, directory));
            goesOn = directory.length() > found.mountPoint().length();
            if (goesOn) {
                directory = directory.substring(0, directory.lastIndexOf('/'));
                goesOn = countsChildren(found, directory);
            }
        }
        return Reading.of(new ControlGroup(found.version(), found.group(), List.copyOf(levels)));
    }

    /// Whether the groups below `directory` count in it: in version 1 it could be otherwise, until Linux 5.11.
    private boolean countsChildren(Place found, String directory) {
        try {
            return found.version() == 2
                    || !files.text(directory + "/memory.use_hierarchy").equals("0");
        } catch (IOException gone) {
            return true;
        }
    }

    Reading<Pressure> pressure(LimitsReader reader) {
        Place found = place;
        if (found == null) {
            return Reading.unknown(whyNot);
        }
        return found.version() == 1
                ? Reading.unknown("control groups of version 1 do not tell it")
                : reader.pressure(found.directory() + "/memory.pressure");
    }

    private Level level(Place found, String directory) {
        String path = directory.equals(found.mountPoint())
                ? "/"
                : directory.substring(found.mountPoint().length());
        if (found.version() == 1) {
            return new Level(
                    path,
                    bytes(directory, "memory.limit_in_bytes"),
                    Reading.unknown("control groups of version 1 have none"),
                    bytes(directory, "memory.usage_in_bytes"),
                    bytes(directory, "memory.memsw.limit_in_bytes"),
                    bytes(directory, "memory.memsw.usage_in_bytes"));
        }
        return new Level(
                path,
                bytes(directory, "memory.max"),
                bytes(directory, "memory.high"),
                bytes(directory, "memory.current"),
                bytes(directory, "memory.swap.max"),
                bytes(directory, "memory.swap.current"));
    }

    private Reading<Long> bytes(String directory, String name) {
        try {
            String text = files.text(directory + "/" + name);
            long value = text.equals("max") ? MemoryLimits.UNLIMITED : Long.parseLong(text);
            return Reading.of(value >= NO_LIMIT_FROM ? MemoryLimits.UNLIMITED : value);
        } catch (IOException missing) {
            return Reading.unknown(
                    files.exists(directory) ? "this group has no " + name : "out of sight: " + directory);
        } catch (NumberFormatException unexpected) {
            return Reading.unknown(directory + "/" + name + " is no number");
        }
    }

    private Place find() throws IOException {
        @Nullable String second = null;
        for (String line : files.lines(GROUPS)) {
            String[] parts = line.split(":", 3);
            if (parts.length == 3 && List.of(parts[1].split(",", -1)).contains("memory")) {
                return place(1, parts[2]);
            }
            if (parts.length == 3 && parts[0].equals("0") && parts[1].isEmpty()) {
                second = parts[2];
            }
        }
        if (second == null) {
            throw new IOException("this process is in no control group for memory");
        }
        return place(2, second);
    }

    /// `35 31 0:32 ROOT POINT options - TYPE source options`
    private Place place(int version, String group) throws IOException {
        for (String line : files.lines(MOUNTS)) {
            String[] fields = line.split(" ", -1);
            int dash = List.of(fields).indexOf("-");
            if (dash < 6 || fields.length < dash + 4) {
                continue;
            }
            String type = fields[dash + 1];
            boolean isIt = version == 2
                    ? type.equals("cgroup2")
                    : type.equals("cgroup")
                            && List.of(fields[dash + 3].split(",", -1)).contains("memory");
            if (isIt) {
                String mountPoint = unescape(fields[4]);
                String below = below(unescape(fields[3]), group);
                String directory = files.exists(mountPoint + below) ? mountPoint + below : mountPoint;
                return new Place(version, group, mountPoint, directory);
            }
        }
        throw new IOException("control groups of version " + version + " are not mounted here");
    }

    /// What a group's path has beyond the root of the mount; nothing where the group is not below it, as in a
    /// container whose mount shows its own group as the root.
    private static String below(String root, String group) {
        String base = root.equals("/") ? "" : root;
        boolean isBelow = group.equals(base) || group.startsWith(base + "/");
        boolean leavesIt = group.contains("/..");
        return isBelow && !leavesIt && !group.equals("/") ? group.substring(base.length()) : "";
    }

    private static String unescape(String path) {
        return ESCAPE.matcher(path).replaceAll(found -> {
            char letter = (char) Integer.parseInt(found.group(1), 8);
            return letter == '\\' || letter == '$' ? "\\" + letter : String.valueOf(letter);
        });
    }
}
