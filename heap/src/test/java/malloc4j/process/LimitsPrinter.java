package malloc4j.process;

/// Prints its own limits.
final class LimitsPrinter {
    private LimitsPrinter() {}

    public static void main(String[] arguments) {
        MemoryLimits limits = MemoryLimits.read();
        System.out.println("address space " + limits.addressSpace());
        System.out.println("data " + limits.data());
        System.out.println("locked memory " + limits.lockedMemory());
        if (limits.controlGroup().isKnown()) {
            limits.controlGroup()
                    .get()
                    .levels()
                    .forEach(level -> System.out.println(level.path() + " " + level.limitBytes()));
        }
        System.out.println("next " + limits.rooms().getFirst().what());
    }
}
