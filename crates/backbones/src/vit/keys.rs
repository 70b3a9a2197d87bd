//! Names of the checkpoints.

use super::VitConfig;
use crate::weights::KeyMap;

impl VitConfig {
    /// Names of timm checkpoints; without a projection here, their head is set aside, and with one
    /// the bias of zeros that timm gives CLIP's projection.
    #[must_use]
    pub fn timm_keys(&self) -> KeyMap {
        match self.projection {
            Some(_) => KeyMap::new().drop_prefix("head.bias"),
            None => KeyMap::new().drop_prefix("head."),
        }
    }

    /// Names of the `DINOv2` checkpoints of its authors.
    #[must_use]
    pub fn dinov2_keys(&self) -> KeyMap {
        KeyMap::new()
            .drop_prefix("mask_token")
            .rename("register_tokens", "reg_token")
    }

    /// Names of the `DINOv2` checkpoints at Hugging Face (`facebook/dinov2-*`).
    #[must_use]
    pub fn hugging_face_dinov2_keys(&self) -> KeyMap {
        KeyMap::new()
            .drop_prefix("embeddings.mask_token")
            .rename("embeddings.cls_token", "cls_token")
            .rename("embeddings.position_embeddings", "pos_embed")
            .rename("embeddings.register_tokens", "reg_token")
            .replace(
                "embeddings.patch_embeddings.projection.",
                "patch_embed.proj.",
            )
            .replace("encoder.layer.", "blocks.")
            .join(
                [".attention.query.", ".attention.key.", ".attention.value."],
                ".qkv.",
            )
            .replace(".attention.qkv.", ".attn.qkv.")
            .replace(".attention.output.dense.", ".attn.proj.")
            .replace(".layer_scale1.lambda1", ".ls1.gamma")
            .replace(".layer_scale2.lambda1", ".ls2.gamma")
            .replace("layernorm.", "norm.")
    }

    /// Names of the CLIP checkpoints of its authors, text tower and all, written as a state
    /// dictionary; the text tower is set aside, and without a projection here theirs too.
    #[must_use]
    pub fn openai_clip_keys(&self) -> KeyMap {
        let keys = KeyMap::new().under("visual.");
        let keys = match self.projection {
            Some(_) => keys.rename("proj", "head.weight").transpose("head.weight"),
            None => keys.drop_prefix("proj"),
        };
        let keys = keys
            .rename("class_embedding", "cls_token")
            .rename("positional_embedding", "pos_embed")
            .replace("conv1.", "patch_embed.proj.")
            .replace("ln_pre.", "norm_pre.")
            .replace("ln_post.", "norm.")
            .replace("transformer.resblocks.", "blocks.")
            .replace(".ln_1.", ".norm1.")
            .replace(".ln_2.", ".norm2.")
            .replace(".attn.in_proj_weight", ".attn.qkv.weight")
            .replace(".attn.in_proj_bias", ".attn.qkv.bias")
            .replace(".attn.out_proj.", ".attn.proj.")
            .replace(".mlp.c_fc.", ".mlp.fc1.")
            .replace(".mlp.c_proj.", ".mlp.fc2.");
        self.tokens_from_rows(keys)
    }

    /// Names of the CLIP checkpoints at Hugging Face (`openai/clip-vit-*`, `geolocal/StreetCLIP`); the
    /// text tower is set aside, and without a projection here theirs too.
    #[must_use]
    pub fn hugging_face_clip_keys(&self) -> KeyMap {
        let keys = KeyMap::new()
            .drop_prefix("text_model.")
            .drop_prefix("text_projection.")
            .drop_prefix("logit_scale")
            .drop_suffix("position_ids");
        let keys = match self.projection {
            Some(_) => keys.rename("visual_projection.weight", "head.weight"),
            None => keys.drop_prefix("visual_projection."),
        };
        let keys = keys
            .replace("vision_model.embeddings.class_embedding", "cls_token")
            .replace(
                "vision_model.embeddings.position_embedding.weight",
                "pos_embed",
            )
            .replace(
                "vision_model.embeddings.patch_embedding.",
                "patch_embed.proj.",
            )
            // Spelled so in the checkpoints.
            .replace("vision_model.pre_layrnorm.", "norm_pre.")
            .replace("vision_model.post_layernorm.", "norm.")
            .replace("vision_model.encoder.layers.", "blocks.")
            .replace(".layer_norm1.", ".norm1.")
            .replace(".layer_norm2.", ".norm2.")
            .join([".q_proj.", ".k_proj.", ".v_proj."], ".qkv.")
            .replace(".self_attn.qkv.", ".attn.qkv.")
            .replace(".self_attn.out_proj.", ".attn.proj.");
        self.tokens_from_rows(keys)
    }

    /// CLIP keeps its class token as a vector and its positions as a matrix.
    fn tokens_from_rows(&self, keys: KeyMap) -> KeyMap {
        let [rows, columns] = self.position_grid;
        keys.reshape("cls_token", [1, 1, self.width])
            .reshape("pos_embed", [1, rows * columns + 1, self.width])
    }
}
