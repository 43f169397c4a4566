package program;

import org.apache.arrow.memory.ArrowBuf;
import org.apache.arrow.memory.BufferLedger;
import org.apache.arrow.memory.RootAllocator;

/// A program of Arrow's that does not know of malloc4j: says what its buffer is, and what it has read back.
public final class Main {
    private Main() {}

    public static void main(String[] arguments) {
        try (RootAllocator root = new RootAllocator();
                ArrowBuf buffer = root.buffer(5_000)) {
            buffer.setLong(0, 42);
            BufferLedger ledger = (BufferLedger) buffer.getReferenceManager();
            System.out.println(ledger.getAllocationManager().getClass().getSimpleName() + " " + buffer.getLong(0));
        }
    }
}
