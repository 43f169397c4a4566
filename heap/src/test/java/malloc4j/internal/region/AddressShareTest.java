package malloc4j.internal.region;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/// What the library reserves, by how many addresses the process has left.
class AddressShareTest {
    @Test
    void allReservationsTogetherAreAtMostHalfOfWhatIsLeft() {
        for (long left = 64L << 20; left > 0 && left < 1L << 62; left += left / 7) {
            AddressShare share = new AddressShare(left);
            share.verify();
            assertThat(share.zoneBytes() % Zone.GRANULE_BYTES).isZero();
            assertThat(share.breakZoneBytes() % Zone.GRANULE_BYTES).isZero();
        }
    }

    @Test
    void hugeBlocksHaveWhatIsNotReservedButForWhatTheJvmNeedsToGoOn() {
        AddressShare share = new AddressShare(8L << 30);
        assertThat(share.tryTakeHuge(4L << 30)).isFalse();
        assertThat(share.tryTakeHuge(3L << 30)).isTrue();
        assertThat(share.tryTakeHuge(1L << 29)).isTrue();
        assertThat(share.tryTakeHuge(1)).isFalse();
        share.giveHuge(1L << 29);
        assertThat(share.tryTakeHuge(1L << 29)).isTrue();
        AddressShare small = new AddressShare(1L << 30);
        assertThat(small.tryTakeHuge(3L << 27)).isTrue();
        assertThat(small.tryTakeHuge(1)).isFalse();
        assertThat(new AddressShare(Long.MAX_VALUE).tryTakeHuge(1L << 46)).isTrue();
    }

    @Test
    void withoutALimitTheZoneIsATebibyte() {
        AddressShare share = new AddressShare(Long.MAX_VALUE);
        assertThat(share.zoneBytes()).isEqualTo(1L << 40);
        assertThat(share.breakZoneBytes()).isEqualTo(1L << 36);
        assertThat(share.cacheBytes()).isGreaterThan(4L << 30);
    }

    @Test
    void withoutRoomTheSmallestZoneIsAskedForAllTheSame() {
        assertThat(new AddressShare(0).zoneBytes()).isEqualTo(16L << 20);
        new AddressShare(0).verify();
    }
}
