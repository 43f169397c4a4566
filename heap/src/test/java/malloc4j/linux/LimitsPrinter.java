package malloc4j.linux;

/// Prints its own limits.
final class LimitsPrinter {
    private LimitsPrinter() {}

    public static void main(String[] arguments) {
        System.out.print(MemoryLimits.read().table());
    }
}
