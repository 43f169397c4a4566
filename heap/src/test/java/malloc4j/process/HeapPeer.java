package malloc4j.process;

import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.observe.AreaKind;

/// A process that uses heaps of ours, for another one to look at. Prints where its blocks are and what it tells of
/// itself, a line each, and waits for one.
final class HeapPeer {
    private HeapPeer() {}

    public static void main(String[] arguments) throws Exception {
        Heap first = Heap.create(HeapOptions.defaults());
        Heap second = Heap.create(HeapOptions.defaults());
        long small = 0;
        for (int count = 0; count < 10_000; count++) {
            small = first.calloc(1, 100);
        }
        long large = second.calloc(1, 300 << 10);
        long huge = second.malloc(40L << 20);
        AddressSpace space = AddressSpace.ofThisProcess();
        for (long address : new long[] {small, large, huge}) {
            System.out.println(address + " " + space.at(address).orElseThrow().owner());
        }
        for (AreaKind kind :
                new AreaKind[] {AreaKind.SLAB, AreaKind.LARGE_BLOCK, AreaKind.ZONE_RESERVE, AreaKind.RECORDS}) {
            System.out.println(space.sum(kind).byteSize());
        }
        System.out.println(System.in.read());
        first.close();
        second.close();
    }
}
