/// What a heap tells about itself: records of numbers. It has no behaviour and imports
/// nothing of ours.
@NullMarked
package malloc4j.observe;

import org.jspecify.annotations.NullMarked;
