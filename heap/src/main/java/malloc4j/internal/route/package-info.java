/// The one way of a heap's blocks: which home serves a request, and which has a block.
@NullMarked
package malloc4j.internal.route;

import org.jspecify.annotations.NullMarked;
