"""Splits: where they are inserted, their exact names, who reads which top, and bottoms that nobody makes."""

from __future__ import annotations

from helpers import refused

from pysketch.errors import NetdefError
from pysketch.net.splits import insert_splits
from pysketch.netdef.definitions import parse_netdef


def layer(name, bottom="", top="", more=""):
    """The text of a layer; blobs are separated by blanks."""
    blobs = [f'bottom: "{blob}"' for blob in bottom.split()] + [f'top: "{blob}"' for blob in top.split()]
    return f'layer {{ name: "{name}" type: "T" {" ".join(blobs)} {more} }}'


def split(*layers):
    return insert_splits(parse_netdef("\n".join(layers), "a").layers)


def graph(*layers):
    """(name, bottoms, tops) of every layer, splits inserted."""
    return [(each.name, " ".join(each.bottom), " ".join(each.top)) for each in split(*layers)]


def refusal(*layers):
    return refused(NetdefError, split, *layers)


def test_a_blob_read_once_or_never_gets_no_split():
    text = layer("data", top="x y"), layer("ip", "x", "z")
    assert graph(*text) == [("data", "", "x y"), ("ip", "x", "z")]


def test_a_blob_read_twice_gets_a_split_behind_its_producer_with_a_top_for_each_reader():
    assert graph(layer("data", top="x"), layer("p", "x", "a"), layer("q", "x", "b")) == [
        ("data", "", "x"),
        ("x_data_0_split", "x", "x_data_0_split_0 x_data_0_split_1"),
        ("p", "x_data_0_split_0", "a"),
        ("q", "x_data_0_split_1", "b"),
    ]


def test_an_inserted_layer_is_a_split_standing_where_its_producer_stands():
    inserted = split(layer("data", top="x"), layer("p", "x x", "a"))[1]
    assert (inserted.type, str(inserted.position), inserted.loss_weight) == ("Split", "a:1:7", ())


def test_the_number_in_a_splits_name_is_that_of_the_top():
    assert [name for name, _, _ in graph(layer("data", top="x y z"), layer("p", "y y z z"))] == [
        "data",
        "y_data_1_split",
        "z_data_2_split",
        "p",
    ]


def test_one_layer_that_reads_a_blob_twice_gets_two_tops():
    assert graph(layer("data", top="x"), layer("loss", "x x", "l"))[-1] == (
        "loss",
        "x_data_0_split_0 x_data_0_split_1",
        "l",
    )


def test_behind_an_in_place_layer_readers_hang_on_that_layer():
    assert graph(layer("conv", top="x"), layer("relu", "x", "x"), layer("p", "x", "a"), layer("q", "x", "b")) == [
        ("conv", "", "x"),
        ("relu", "x", "x"),
        ("x_relu_0_split", "x", "x_relu_0_split_0 x_relu_0_split_1"),
        ("p", "x_relu_0_split_0", "a"),
        ("q", "x_relu_0_split_1", "b"),
    ]


def test_an_in_place_layer_alone_needs_no_split():
    text = layer("conv", top="x"), layer("relu", "x", "x"), layer("p", "x", "a")
    assert [name for name, _, _ in graph(*text)] == ["conv", "relu", "p"]


def test_a_reader_before_the_in_place_layer_forces_a_split_before_it():
    assert graph(layer("conv", top="x"), layer("p", "x", "a"), layer("relu", "x", "x"))[1:] == [
        ("x_conv_0_split", "x", "x_conv_0_split_0 x_conv_0_split_1"),
        ("p", "x_conv_0_split_0", "a"),
        ("relu", "x_conv_0_split_1", "x"),
    ]


def test_a_loss_weight_is_the_first_use_and_moves_to_the_splits_first_top():
    producer, inserted, reader = split(layer("conv", top="x y", more="loss_weight: [0.5, 0]"), layer("p", "x", "a"))
    assert producer.loss_weight == (0.0, 0.0)
    assert (inserted.top, inserted.loss_weight) == (("x_conv_0_split_0", "x_conv_0_split_1"), (0.5, 0.0))
    assert reader.bottom == ("x_conv_0_split_1",)


def test_a_loss_weight_on_a_blob_that_nobody_reads_stays():
    (producer,) = split(layer("conv", top="x", more="loss_weight: 3"))
    assert producer.loss_weight == (3.0,)


def test_a_loss_weight_of_zero_is_no_use():
    text = layer("conv", top="x", more="loss_weight: 0"), layer("p", "x", "a")
    assert [name for name, _, _ in graph(*text)] == ["conv", "p"]


def test_the_weight_of_another_top_stays_with_its_layer():
    producer, inserted, *_ = split(layer("conv", top="x y", more="loss_weight: [0, 2]"), layer("p", "x x", "a"))
    assert producer.loss_weight == (0.0, 2.0)
    assert inserted.loss_weight == ()


def test_an_unknown_bottom_offers_the_nearest_blob_made_so_far():
    message = refusal(layer("data", top="data"), layer("p", "daat", "a"))
    assert message == 'a:2:7: layer "p": unknown bottom "daat"; did you mean "data"?'


def test_a_bottom_that_only_layers_left_out_make_says_so():
    (lone,) = parse_netdef(layer("p", "x", "a"), "a").layers
    message = refused(NetdefError, insert_splits, (lone,), {"x"})
    assert message.endswith('unknown bottom "x"; a layer makes it that this phase, level and stages leave out')


def test_a_bottom_made_only_further_down_says_so():
    message = refusal(layer("p", "x", "a"), layer("data", top="x"))
    assert message == 'a:1:7: layer "p": unknown bottom "x"; it is produced only further down'


def test_a_layer_cannot_read_its_own_top():
    assert "it is produced only further down" in refusal(layer("p", "x", "x"))


def test_no_layers_stay_no_layers():
    assert insert_splits(()) == ()
