"""ImageNet's weights in AGMENet's trunk: equal to PyTorch's network, strict both ways, the same start for every run."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.data.folds import leave_one_subject_out
from mer_jax.evaluation.benchmark import prepare
from mer_jax.evaluation.identity import experiment_digest
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.blocks.frame_channels import IMAGENET_MEAN, IMAGENET_STD
from mer_jax.models.pretrained import read_trunk, torchvision_name
from mer_jax.models.torch_weights import TORCH_LEAF
from mer_jax.training.run import init_run
from mer_jax.training.stages import Recipe, Stage

MINI = {"variant": "small", "instants": 2, "frame_size": 32, "stem": 16, "growth": 8, "blocks": (2, 3), "llem": False}
SIZES = {"mini": MINI, "121": {"variant": "121", "instants": 2, "frame_size": 32, "llem": False}}


def mini(**fields):
    return create("agmenet", 3, **{**MINI, **fields})


def torch_densenet(torch, stem, growth, blocks):
    """DenseNet by its paper, under torchvision's names, without the pooling after the first convolution."""
    nn = torch.nn

    class Layer(nn.Module):
        def __init__(self, inputs):
            super().__init__()
            self.norm1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, 4 * growth, 1, bias=False)
            self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

        def forward(self, x):
            y = self.conv2(torch.relu(self.norm2(self.conv1(torch.relu(self.norm1(x))))))
            return torch.cat([x, y], 1)

    def named(**modules):
        made = nn.Sequential()
        for name, module in modules.items():
            made.add_module(name, module)
        return made

    modules, width = {"conv0": nn.Conv2d(3, stem, 7, 2, 3, bias=False), "norm0": nn.BatchNorm2d(stem), "relu0": nn.ReLU()}, stem
    for number, layers in enumerate(blocks, 1):
        modules[f"denseblock{number}"] = named(**{f"denselayer{i + 1}": Layer(width + growth * i) for i in range(layers)})
        width += growth * layers
        if number < len(blocks):
            modules[f"transition{number}"] = named(norm=nn.BatchNorm2d(width), relu=nn.ReLU(),
                                                   conv=nn.Conv2d(width, width // 2, 1, bias=False), pool=nn.AvgPool2d(2, 2))
            width //= 2
    modules[f"norm{len(blocks) + 1}"], modules["relu"] = nn.BatchNorm2d(width), nn.ReLU()
    peer = named(features=named(**modules), classifier=nn.Linear(width, 1000))
    for module in peer.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.3)
    return peer.eval()


def random_tensors(network, rng=None):
    """A state dict with the names and shapes that the network's trunk wants, of random numbers, and a classifier."""
    rng = rng or np.random.default_rng(0)
    frames = jnp.zeros((1, *network.frames_shape))
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), {"frames": frames}, train=False))
    tensors = {"classifier.weight": np.zeros((1000, 8), np.float32), "classifier.bias": np.zeros(1000, np.float32)}
    for tree in shapes.values():
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree["features"]):
            *modules, name = [entry.key for entry in path]
            if not modules[0].startswith("cbam"):
                shape = (leaf.shape[3], 3 if modules == ["conv0"] else leaf.shape[2], *leaf.shape[:2]) if leaf.ndim == 4 \
                    else leaf.shape
                tensors[".".join(["features", *modules, TORCH_LEAF[name]])] = rng.uniform(0.1, 1, shape).astype(np.float32)
    return tensors


def saved(path, tensors):
    np.savez(path, **tensors)
    return path


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.slow
def test_the_trunk_equals_pytorch_on_the_weights_of_the_same_file(size, tmp_path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    network = create("agmenet", 3, block_attention=False, **SIZES[size])
    peer = torch_densenet(torch, network.stem, network.growth, network.blocks)
    path = saved(tmp_path / "w.npz", {name: value.numpy() for name, value in peer.state_dict().items()})
    frames = np.random.default_rng(0).uniform(size=(1, *network.frames_shape)).astype(np.float32)
    shapes = jax.eval_shape(lambda: network.init(jax.random.key(0), {"frames": frames}, train=False))
    variables, start = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes), read_trunk(network, path)
    merged = {kind: {**tree, **start.get(kind, {})} for kind, tree in variables.items()}
    apply = jax.jit(functools.partial(network.apply, train=False, mutable=["intermediates"],
                                      capture_intermediates=lambda module, _: module.name == "features"))
    _, seen = apply(merged, {"frames": frames})
    found = np.asarray(seen["intermediates"]["features"]["__call__"][0])
    looks = (frames[0, :, 2] - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)              # the middle frame of each window
    with torch.no_grad():
        wanted = peer.features(torch.tensor(looks.transpose(0, 3, 1, 2), dtype=torch.float32)).numpy().transpose(0, 2, 3, 1)
    assert wanted.std() > 0.1 and found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=1e-4 * max(1, np.abs(wanted).max()))


def test_the_new_channels_start_at_zero_and_the_gates_at_their_own(tmp_path):
    network = mini()
    tensors = random_tensors(network)
    start = read_trunk(network, saved(tmp_path / "w.npz", tensors))
    kernel = start["params"]["features"]["conv0"]["kernel"]
    assert kernel.shape == (7, 7, 6, 16) and (kernel[:, :, 3:] == 0).all()
    np.testing.assert_array_equal(kernel[:, :, :3], tensors["features.conv0.weight"].transpose(2, 3, 1, 0))
    assert set(start) == {"params", "batch_stats"} and set(start["params"]) == {"features"}
    assert not any(name.startswith("cbam") for name in start["params"]["features"])


def test_names_of_the_first_files_are_read_as_todays(tmp_path):
    assert torchvision_name("features.denseblock1.denselayer2.norm.1.weight") == "features.denseblock1.denselayer2.norm1.weight"
    network = mini()
    tensors = random_tensors(network)
    old = {name.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value for name, value in tensors.items()}
    assert set(old) != set(tensors)
    ours, theirs = (read_trunk(network, saved(tmp_path / f"{n}.npz", t)) for n, t in enumerate((tensors, old)))
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


@pytest.mark.parametrize(("change", "words"), [
    (lambda t: {k: v for k, v in t.items() if k != "features.norm3.weight"}, "no tensor 'features.norm3.weight'"),
    (lambda t: {**t, "features.more": np.zeros(2)}, "does not know: features.more"),
    (lambda t: {**t, "features.conv0.weight": np.zeros((16, 3, 3, 3))}, r"conv0.weight has shape \(3, 3, 3, 16\)"),
    (lambda t: {**t, "features.norm0.running_var": -np.ones(16)}, "norm0.running_var .* wanted none below 0"),
    (lambda t: {**t, "features.norm0.bias": np.full(16, np.nan)}, "norm0.bias .* something else than finite numbers"),
    (lambda t: {**t, "features.norm0.bias": np.array(["a"] * 16)}, "norm0.bias .* something else than finite numbers"),
])
def test_weights_of_another_network_are_refused(change, words, tmp_path):
    network = mini()
    with pytest.raises(UserMistake, match=words):
        read_trunk(network, saved(tmp_path / "w.npz", change(random_tensors(network))))


def test_a_network_that_they_cannot_fill_is_named(tmp_path):
    path = saved(tmp_path / "w.npz", random_tensors(mini()))
    with pytest.raises(UserMistake, match="STSTNet has no trunk"):
        read_trunk(create("ststnet", 3), path)
    with pytest.raises(UserMistake, match="`appearance` is off"):
        read_trunk(mini(appearance=False), path)


@pytest.mark.slow
def test_every_run_starts_from_the_file_and_draws_the_rest_by_its_seed(tmp_path, moving_clips):
    network = mini(motion="none")
    start = read_trunk(network, saved(tmp_path / "w.npz", random_tensors(network)))
    folds = leave_one_subject_out(moving_clips)
    experiment = prepare(network, moving_clips, folds, Recipe((Stage(1, 1e-3),)), seeds=2, start=start, findings=())
    begin = jax.vmap(functools.partial(init_run, experiment.program), (0, None))
    states = jax.jit(begin)(experiment.runs, experiment.data).train
    for kind, tree in (("params", states.params), ("batch_stats", states.batch_stats)):
        for path, leaf in jax.tree_util.tree_leaves_with_path(start[kind]):
            found = functools.reduce(lambda part, entry: part[entry.key], path, tree)
            np.testing.assert_array_equal(found, np.broadcast_to(leaf, found.shape))
    head = np.asarray(states.params["head"]["kernel"])
    assert all(np.abs(head[a] - head[b]).max() > 1e-3 for a in range(6) for b in range(a))
    assert {"params", "batch_stats"} == set(start)


def test_what_a_run_begins_with_is_part_of_its_identity(tmp_path, moving_clips):
    network = mini(motion="none")
    prepared = [prepare(network, moving_clips, leave_one_subject_out(moving_clips), Recipe((Stage(1, 1e-3),)), findings=(),
                        start=start) for start in (
        {}, *(read_trunk(network, saved(tmp_path / "w.npz", random_tensors(network, np.random.default_rng(seed))))
              for seed in (0, 0, 1)))]
    none, first, again, other = (experiment_digest(e.program, e.runs, e.clips, e.data.start, e.plan) for e in prepared)
    assert first == again and len({none, first, other}) == 3


def test_weights_of_another_network_are_named(clips):
    start = {"params": {"stream1": {"kernel": np.zeros((3, 3, 3, 4), np.float32)}}}
    recipe, folds = Recipe((Stage(1, 1e-3),)), leave_one_subject_out(clips)
    with pytest.raises(UserMistake, match=r"^start: params/stream1/kernel has the shape .* there is (one of|no such variable)"):
        prepare(create("ststnet", 3), clips, folds, recipe, start=start)
