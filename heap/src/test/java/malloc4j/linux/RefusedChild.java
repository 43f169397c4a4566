package malloc4j.linux;

/// Tries to read the layout of a process, and prints why it cannot.
final class RefusedChild {
    private RefusedChild() {}

    public static void main(String[] arguments) {
        try {
            System.out.println(AddressSpace.of(Long.parseLong(arguments[0])));
        } catch (SystemCallException refused) {
            System.out.println(refused.getMessage());
        }
    }
}
