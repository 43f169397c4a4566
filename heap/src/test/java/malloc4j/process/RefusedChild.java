package malloc4j.process;

/// Tries to read the layout of a process, and prints why it cannot.
final class RefusedChild {
    private RefusedChild() {}

    public static void main(String[] arguments) {
        try {
            System.out.println(AddressSpace.of(Long.parseLong(arguments[0])));
        } catch (UnreadableProcessException refused) {
            System.out.println(refused.getMessage());
        }
    }
}
