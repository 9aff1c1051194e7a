// Everything, for one type of numbers.
#include "multiply.h"
#include "slab.h"
#include "finish.h"
#include "direct.h"
#include "filtering.h"
#include "strips.h"
#include "tiles.h"
#include "pieces.h"
