"""Pictures for TensorBoard."""
import lightning.pytorch as pl
class TensorBoardPictures(pl.Callback):
    """x."""
