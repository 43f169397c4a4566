package malloc4j.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import malloc4j.faults.ChildJvm;
import malloc4j.faults.PeerJvm;
import malloc4j.observe.Area;
import malloc4j.observe.AreaKind;
import org.junit.jupiter.api.Test;

/// A process that uses this library, looked at from another one.
class HeapsFromOutsideTest {
    @Test
    void aProcessThatUsesThisLibraryIsRecognised() throws Exception {
        try (PeerJvm peer = PeerJvm.start(HeapPeer.class)) {
            String[] small = peer.line().split(" ", 2);
            String[] large = peer.line().split(" ", 2);
            String[] huge = peer.line().split(" ", 2);
            long slabBytes = Long.parseLong(peer.line());
            long largeBytes = Long.parseLong(peer.line());
            long zoneBytes = Long.parseLong(peer.line());
            long recordBytes = Long.parseLong(peer.line());

            AddressSpace space = AddressSpace.of(peer.pid());

            space.verify();
            Area slab = space.at(Long.parseLong(small[0])).orElseThrow();
            assertThat(slab.kind()).isEqualTo(AreaKind.SLAB);
            assertThat(slab.detail()).isEqualTo("112-byte blocks");
            assertThat(slab.owner()).as("as itself says it").isEqualTo(small[1]);
            Area block = space.at(Long.parseLong(large[0])).orElseThrow();
            assertThat(block.kind()).isEqualTo(AreaKind.LARGE_BLOCK);
            assertThat(block.owner()).isEqualTo(large[1]);
            Area hugeBlock = space.at(Long.parseLong(huge[0])).orElseThrow();
            assertThat(hugeBlock.kind()).isEqualTo(AreaKind.HUGE_BLOCK);
            assertThat(hugeBlock.owner()).isEqualTo(huge[1]);
            assertThat(space.sum(AreaKind.SLAB).byteSize()).isEqualTo(slabBytes);
            assertThat(space.sum(AreaKind.SLAB).use().residentBytes()).isGreaterThan(1 << 20);
            assertThat(space.sum(AreaKind.LARGE_BLOCK).byteSize()).isEqualTo(largeBytes);
            assertThat(space.sum(AreaKind.ZONE_RESERVE).byteSize()).isPositive().isEqualTo(zoneBytes);
            assertThat(space.sum(AreaKind.RECORDS).byteSize()).isPositive().isEqualTo(recordBytes);
            assertThat(space.sums(AreaKind.RESERVED))
                    .as("nothing of the zone is nobody's")
                    .allSatisfy((owner, sum) -> assertThat(sum.byteSize()).isLessThan(zoneBytes / 4));
            assertThat(space.notes()).noneMatch(note -> note.contains("malloc4j"));
            assertThat(new ChildJvm(List.of(), Map.of(), List.of("--illegal-native-access=deny"))
                            .run(LookingChild.class, Long.toString(peer.pid())))
                    .as("who looks makes nothing, and needs no native access")
                    .isEqualTo("no zone\n");
            peer.say("");
            peer.join();
        }
    }

    @Test
    void aProcessWithoutItHasNothingOfIt() throws Exception {
        try (IdleProcess process = IdleProcess.start("cat")) {
            AddressSpace space = AddressSpace.of(process.pid());

            Map<AreaKind, AddressSpace.Sum> sums = space.sums();
            assertThat(sums.keySet()).noneMatch(kind -> kind.group() == AreaKind.Group.MALLOC4J);
            assertThat(space.notes()).noneMatch(note -> note.contains("malloc4j"));
        }
    }
}
