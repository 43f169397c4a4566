package malloc4j.process;

import java.util.stream.Collectors;
import malloc4j.observe.Area;

/// The areas of a process in lines, for messages of tests.
final class Areas {
    private Areas() {}

    static String of(AddressSpace space) {
        return space.areas().stream().map(Area::toString).collect(Collectors.joining("\n"));
    }
}
