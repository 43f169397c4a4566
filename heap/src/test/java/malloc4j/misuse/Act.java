package malloc4j.misuse;

/// A misuse, with all that leads to it.
@FunctionalInterface
interface Act {
    /// Does it: throws what the misuse makes the library or the JVM throw, comes back where nothing is told, and then
    /// only after it has asserted what the table says of that.
    void run(Scene scene) throws Exception;
}
