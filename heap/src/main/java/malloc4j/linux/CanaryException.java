package malloc4j.linux;

/// The bytes around a secret were overwritten: some code wrote through a bare address, or native code ran over the
/// end of a buffer. The secret itself may be damaged too.
///
/// @since 0.1.0
public final class CanaryException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    private final long byteOffset;

    /// @param byteOffset where the first damaged byte lies, from the secret's first byte
    /// @param damagedBytes how many are damaged
    CanaryException(long byteSize, long byteOffset, long damagedBytes) {
        super("canary of a secret of " + byteSize + " bytes overwritten: " + damagedBytes
                + " bytes, the first at offset "
                + byteOffset + (byteOffset < 0 ? ", before the secret" : ", behind the secret")
                + "; look for native code or bare addresses that run over a buffer's end");
        this.byteOffset = byteOffset;
    }

    /// Where the first damaged byte lies, counted from the secret's first byte: negative before it, its size or
    /// more behind it.
    public long byteOffset() {
        return byteOffset;
    }
}
